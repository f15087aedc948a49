import type { Clock } from "../../src/platform/clock.ts";

export interface VirtualClock extends Clock {
  /** How many sleep just now. */
  readonly sleeping: number;
}

/**
 * A clock whose time passes only when everybody sleeps: then it jumps to the moment the next one wakes. Whatever happens
 * within one turn of the event loop takes no time; what waits for a database or a socket is not waited for.
 */
export function createVirtualClock(start = new Date("2026-06-01T09:00:00Z")): VirtualClock {
  let now = start.getTime();
  let sleepers: Array<{ at: number; wake: () => void }> = [];
  let pumping = false;

  const pump = () => {
    if (pumping || sleepers.length === 0) return;
    pumping = true;
    setImmediate(() => {
      pumping = false;
      const next = sleepers.reduce<(typeof sleepers)[number] | undefined>((a, b) => (a && a.at <= b.at ? a : b), undefined);
      if (!next) return;
      sleepers = sleepers.filter((one) => one !== next);
      now = Math.max(now, next.at);
      next.wake();
      pump();
    });
  };

  return {
    now: () => new Date(now),
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason);
        const sleeper = { at: now + ms, wake: () => leave(resolve) };
        const aborted = () => {
          sleepers = sleepers.filter((one) => one !== sleeper);
          leave(() => reject(signal?.reason));
        };
        const leave = (settle: () => void) => {
          signal?.removeEventListener("abort", aborted);
          settle();
        };
        signal?.addEventListener("abort", aborted, { once: true });
        sleepers.push(sleeper);
        pump();
      }),
    get sleeping() {
      return sleepers.length;
    },
  };
}
