import type { Log } from "../platform/log.ts";
import { isUnavailable } from "../platform/unavailable.ts";

export interface Loop {
  /** Asks for a round now; asking while one runs gives one more after it. */
  wake(): void;
  /** Resolves when no round is running and none will. */
  stop(): Promise<void>;
}

/**
 * Repeats `work`: at once, whenever woken, and at least every `intervalMs` of real time, never twice at the same time. A round
 * that throws is logged, and the next one comes after the interval.
 */
export function startLoop(options: { name: string; intervalMs: number; work: () => Promise<unknown>; log: Log }): Loop {
  const { name, intervalMs, work, log } = options;
  let woken = false;
  let stopped = false;
  let rouse: (() => void) | undefined;

  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, intervalMs);
      rouse = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async () => {
    while (!stopped) {
      woken = false;
      try {
        await work();
      } catch (error) {
        woken = false;
        if (isUnavailable(error)) log.warn({ loop: name, reason: String(error) }, "database unavailable, will try again");
        else log.error({ loop: name, err: error }, "a round failed, will try again");
      }
      if (!woken && !stopped) await pause();
      rouse = undefined;
    }
  };
  const running = run();

  return {
    wake() {
      woken = true;
      rouse?.();
    },
    stop() {
      stopped = true;
      rouse?.();
      return running;
    },
  };
}
