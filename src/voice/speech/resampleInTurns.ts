import { setImmediate as nextTurn } from "node:timers/promises";
import type { Resampler } from "./createResampler.ts";

/** About half a millisecond of work. */
const TURN_SAMPLES = 4_096;

/** Resamples in small pieces with a turn of the event loop before each: calls that speak already are not to stutter meanwhile. */
export async function* resampleInTurns(resampler: Resampler, samples: Int16Array): AsyncGenerator<Int16Array> {
  for (let at = 0; at < samples.length; at += TURN_SAMPLES) {
    await nextTurn();
    yield resampler.push(samples.subarray(at, at + TURN_SAMPLES));
  }
}
