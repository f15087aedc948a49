import { setTimeout as sleep } from "node:timers/promises";
import { isUnavailable } from "./unavailable.ts";

const RETRY_MS = 500;

/** Repeats `work` while the database is away, until `abandon` is aborted. Throws what else goes wrong. */
export async function persist<T>(work: () => Promise<T>, abandon: AbortSignal): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      await sleep(RETRY_MS, undefined, { signal: abandon }).catch(() => {
        throw error;
      });
    }
  }
}
