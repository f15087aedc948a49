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
  recording_enabled: boolean;
  /** What a key press of the other party does; keys 0-9, * and #. */
  keypad_actions: Partial<Record<string, KeypadAction>>;
}

/** `to`: E.164. */
export type KeypadAction = { action: "hang_up" } | { action: "transfer"; to: string };

/** What can be set of an agent, all or some of it. */
export type AgentChanges = Partial<Omit<AgentSettings, "type">>;

/** What a new agent must be told. */
export type AgentDraft = AgentChanges & Pick<AgentSettings, "name" | "system_prompt" | "language">;

/** yappr 4.1. */
export const withDefaults = (draft: AgentDraft): AgentSettings => ({
  description: null,
  type: "prompt",
  voice: "Rachel",
  temperature: 0.5,
  greeting_message: null,
  agent_speaks_first: true,
  background_sound: null,
  background_sound_volume: 0.3,
  vad_stop_secs: 0.5,
  vad_start_secs: 0.2,
  vad_confidence: 0.7,
  silence_timeout_secs: 60,
  max_continuous_speech_secs: 120,
  max_call_duration_secs: 600,
  lead_memory_enabled: true,
  webhook_url: null,
  webhook_events: null,
  webhook_headers: {},
  extraction_parameters: [],
  recording_enabled: true,
  keypad_actions: {},
  ...draft,
});
