import { startTimer } from "./startTimer.ts";
import type { Timers } from "./timers.ts";

export interface Retransmission {
  /** Sends again after `firstMs`, then after twice as long, and so on, but never longer than `capMs` (timers A, E and G). */
  start(firstMs: number, capMs: number): void;
  /** From now on every `everyMs`. */
  slowTo(everyMs: number): void;
  stop(): void;
}

export function createRetransmission(timers: Timers, send: () => void): Retransmission {
  let stopTimer: (() => void) | undefined;

  const wait = (ms: number, capMs: number) => {
    stopTimer?.();
    stopTimer = startTimer(timers, ms, () => {
      wait(Math.min(ms * 2, capMs), capMs);
      send();
    });
  };

  return {
    start: wait,
    slowTo: (everyMs) => {
      if (stopTimer) wait(everyMs, everyMs);
    },
    stop: () => {
      stopTimer?.();
      stopTimer = undefined;
    },
  };
}
