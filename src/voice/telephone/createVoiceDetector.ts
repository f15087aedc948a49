import { FRAME_MS } from "../../carriers/carrier.ts";
import { decibels } from "./decibels.ts";

/** Whether the other party speaks, by the loudness of what is heard against the noise of the line. */
export interface VoiceDetector {
  /** `echo`: the agent may be hearing itself, so this says nothing of the other party but how quiet the line can be. */
  push(heard: Int16Array, echo?: boolean): void;
  readonly speaking: boolean;
}

export interface VoiceDetectorOptions {
  /** So long somebody must be heard to count as speaking, and be quiet to count as silent. */
  startMs: number;
  stopMs: number;
}

/** dB of full scale (RMS). Voices on telephones are at -35 to -10. */
const QUIETEST_VOICE = -48;
const ABOVE_NOISE = 9;
const QUIETEST_NOISE = -65;
/** The noise is the quietest moment of so long: speech has gaps, and what has none for so long is noise. */
const NOISE_BLOCK_FRAMES = 25;
const NOISE_BLOCKS = 6;

export function createVoiceDetector({ startMs, stopMs }: VoiceDetectorOptions): VoiceDetector {
  const startFrames = Math.max(1, Math.round(startMs / FRAME_MS));
  const stopFrames = Math.max(1, Math.round(stopMs / FRAME_MS));
  // Until a line is known, it is taken to be quiet.
  const blocks = new Array<number>(NOISE_BLOCKS).fill(QUIETEST_NOISE);
  let blockFrames = 0;
  let blockLevel = 0;
  let level = QUIETEST_NOISE;
  /** Loud frames less half the quiet ones between them, up to `startFrames`. */
  let evidence = 0;
  let quiet = 0;
  let speaking = false;

  const learnNoise = () => {
    blockLevel = blockFrames === 0 ? level : Math.min(blockLevel, level);
    if (++blockFrames < NOISE_BLOCK_FRAMES) return;
    blocks.shift();
    blocks.push(Math.max(QUIETEST_NOISE, blockLevel));
    blockFrames = 0;
  };

  return {
    get speaking() {
      return speaking;
    },
    push(heard, echo = false) {
      const now = decibels(heard);
      // Smoothed, as one quiet frame is no gap.
      level += (now - level) / 4;
      learnNoise();
      if (echo) {
        speaking = false;
        evidence = 0;
        return;
      }
      const threshold = Math.max(QUIETEST_VOICE, Math.min(...blocks) + ABOVE_NOISE);
      if (now > threshold) {
        evidence = Math.min(startFrames, evidence + 1);
        quiet = 0;
      } else {
        evidence = Math.max(0, evidence - 0.5);
        quiet++;
      }
      if (!speaking && evidence >= startFrames) speaking = true;
      else if (speaking && quiet >= stopFrames) {
        speaking = false;
        evidence = 0;
      }
    },
  };
}
