/** What an agent is told and how it behaves; one jsonb document, and each saved one is a version. Ranges: yappr 4.1. */
export interface AgentSettings {
  name: string;
  description: string | null;
  type: "prompt";
  system_prompt: string;
  voice: string;
  language: string;
  temperature: number;
  greeting_message: string | null;
  agent_speaks_first: boolean;
  background_sound: string | null;
  background_sound_volume: number;
  vad_stop_secs: number;
  vad_start_secs: number;
  vad_confidence: number;
  silence_timeout_secs: number;
  max_continuous_speech_secs: number;
  /** 0: no limit. */
  max_call_duration_secs: number;
  lead_memory_enabled: boolean;
  webhook_url: string | null;
  /** Null: every event. */
  webhook_events: string[] | null;
  webhook_headers: Record<string, string>;
  extraction_parameters: Array<{ name: string; description: string }>;
}
