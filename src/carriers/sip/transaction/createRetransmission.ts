export interface Retransmission {
  /** Sends again after `firstMs`, then after twice as long, and so on, but never longer than `capMs` (timers A, E and G). */
  start(firstMs: number, capMs: number): void;
  /** From now on every `everyMs`. */
  slowTo(everyMs: number): void;
  stop(): void;
}

export function createRetransmission(send: () => void): Retransmission {
  let timer: NodeJS.Timeout | undefined;

  const wait = (ms: number, capMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      wait(Math.min(ms * 2, capMs), capMs);
      send();
    }, ms);
  };

  return {
    start: wait,
    slowTo: (everyMs) => {
      if (timer) wait(everyMs, everyMs);
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
