import { startTimer } from "../transaction/startTimer.ts";
import { DEFAULT_TIMERS } from "../transaction/timers.ts";

/** Where a user agent's own timers come from, so that tests need not wait; those of transactions are the endpoint's. */
export interface Timing {
  nowMs(): number;
  /** Returns what takes it back. */
  after(ms: number, run: () => void): () => void;
}

export const realTiming: Timing = {
  nowMs: () => performance.now(),
  after: (ms, run) => startTimer(DEFAULT_TIMERS, ms, run),
};
