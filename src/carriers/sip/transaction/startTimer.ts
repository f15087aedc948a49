import type { Timers } from "./timers.ts";

/** Of the event loop. In each 32 datagrams of a socket are read; in all of them what its buffer holds. */
const TURNS = 100;

/**
 * Calls back after `ms`, unless what it gives is called before. When it is late by T1 or more, we stood still, and what came meanwhile
 * is still in the sockets, as Node runs timers before it reads: that is read first, an answer or an ACK that was there in time among it.
 */
export function startTimer({ t1Ms }: Timers, ms: number, callback: () => void): () => void {
  const dueMs = performance.now() + ms;
  let immediate: NodeJS.Immediate | undefined;
  const afterTurns = (left: number) => {
    if (left === 0) callback();
    else immediate = setImmediate(afterTurns, left - 1);
  };
  const timer = setTimeout(() => afterTurns(performance.now() - dueMs < t1Ms ? 0 : TURNS), ms);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}
