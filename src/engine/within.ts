import { setTimeout as sleep } from "node:timers/promises";

/** Waits for `work`, but no longer than `ms` of real time; tells whether it came to its end. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const done = new AbortController();
  try {
    return await Promise.race([work.then(() => true), sleep(ms, false, { signal: done.signal })]);
  } finally {
    done.abort();
  }
}
