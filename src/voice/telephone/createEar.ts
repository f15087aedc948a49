import type { AudioMedia } from "../../carriers/carrier.ts";
import type { AgentSettings } from "../../core/agents/settings.ts";
import { createVoiceDetector } from "./createVoiceDetector.ts";
import { decibels } from "./decibels.ts";
import { everyFrame } from "./everyFrame.ts";

/**
 * So long after the agent, its echo from the other end may still come; what is left of it then is too short to count as speech. No
 * longer, as people answer within some 200 ms.
 */
const ECHO_MS = 200;
/** dB of full scale. What is fainter comes back too faint for a voice. */
const FAINTEST_ECHO = -48;

/** Hears when the other party speaks, but not what they say; while the agent speaks, nothing. */
export interface Ear {
  /**
   * Waits until the other party has spoken and then been quiet for `pauseMs`: true. False when nobody spoke for the agent's
   * silence timeout. Who never pauses is heard for the agent's `max_continuous_speech_secs`. Rejects when aborted.
   */
  hear(pauseMs: number, signal: AbortSignal): Promise<boolean>;
  close(): void;
}

export function createEar(media: AudioMedia, agent: AgentSettings): Ear {
  const detector = createVoiceDetector({ startMs: agent.vad_start_secs * 1000, stopMs: agent.vad_stop_secs * 1000 });
  let saidAt = Number.NEGATIVE_INFINITY;
  // Listens from the beginning, so that it knows the noise of the line when it matters. A guess is no evidence.
  const close = media.onFrame(({ timestampMs, heard, said, concealed }) => {
    if (decibels(said) > FAINTEST_ECHO) saidAt = timestampMs;
    if (!concealed) detector.push(heard, timestampMs - saidAt < ECHO_MS);
  });
  const patienceMs = agent.silence_timeout_secs * 1000;
  const mostMs = agent.max_continuous_speech_secs === 0 ? Number.POSITIVE_INFINITY : agent.max_continuous_speech_secs * 1000;

  return {
    close,
    hear(pauseMs, signal) {
      const stillNeededMs = Math.max(0, pauseMs - agent.vad_stop_secs * 1000);
      let beganAt: number | undefined;
      let spokenFrom: number | undefined;
      let lastSpokenAt: number | undefined;
      return everyFrame(media, signal, ({ timestampMs }) => {
        beganAt ??= timestampMs;
        if (detector.speaking) {
          spokenFrom ??= timestampMs;
          lastSpokenAt = timestampMs;
          return timestampMs - spokenFrom >= mostMs ? true : undefined;
        }
        if (lastSpokenAt === undefined) return timestampMs - beganAt >= patienceMs ? false : undefined;
        return timestampMs - lastSpokenAt >= stillNeededMs ? true : undefined;
      });
    },
  };
}
