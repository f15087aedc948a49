import type { ChildProcess } from "node:child_process";

/** What the process is asked, and what it says: that it lives, or that a debugger may stop it at any moment. */
export const PING = "ping";
export const PONG = "pong";
export const DEBUGGED = "debugged";

export interface Patience {
  everyMs: number;
  /** Questions in a row that may stay without an answer. */
  unanswered: number;
}

/**
 * Asks a process again and again for a word from its event loop, and calls `hangs` once when there is none. It counts questions,
 * not time: while this process is blocked or stopped itself, or the machine sleeps, none is asked. The first answer begins it: how
 * long loading takes says nothing. Who is `debugged` may be silent. Returns what ends it.
 */
export function watchAnswers(child: ChildProcess, patience: Patience, hangs: () => void): () => void {
  let open = Number.NEGATIVE_INFINITY;
  child.on("message", (message) => {
    if (message === PONG) open = 0;
    if (message === DEBUGGED) open = Number.NEGATIVE_INFINITY;
  });
  const asking = setInterval(() => {
    if (!child.connected) return;
    if (open >= patience.unanswered) {
      clearInterval(asking);
      return hangs();
    }
    open++;
    child.send(PING, () => undefined);
  }, patience.everyMs);
  return () => clearInterval(asking);
}
