import { setTimeout as sleepFor } from "node:timers/promises";

/** Where domain code gets its time from, so that a campaign can be rehearsed in seconds and tests never sleep. */
export interface Clock {
  now(): Date;
  /** Resolves after `ms` of this clock's time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: (ms, signal) => sleepFor(ms, undefined, signal ? { signal } : {}),
};
