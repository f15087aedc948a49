import { setTimeout as sleep } from "node:timers/promises";
import type { House } from "../../../core/context.ts";
import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import { takeDialTurn } from "../../../core/trunks/takeDialTurn.ts";
import { persist } from "../../../platform/persist.ts";

export interface DialTurns {
  /** Resolves when this call may be dialled, as the trunk's calls per second allow, however long the database is away. Rejects when
   * `signal` is aborted. */
  wait(trunk: Pick<OpenTrunk, "id" | "calls_per_second">, signal: AbortSignal): Promise<void>;
}

const ASK_AGAIN_MS = 500;

/** Calls of this node stand in one line per trunk, so that the first to come is the first to go and one at a time asks the database. */
export function createDialTurns(house: Pick<House, "db">): DialTurns {
  const lines = new Map<string, Promise<unknown>>();

  const take = async (trunkId: string, callsPerSecond: number, signal: AbortSignal): Promise<number> => {
    for (;;) {
      signal.throwIfAborted();
      const waitMs = await persist(() => takeDialTurn(house, { trunkId, callsPerSecond }), signal);
      if (waitMs !== null) return performance.now() + waitMs;
      await sleep(ASK_AGAIN_MS, undefined, { signal });
    }
  };

  return {
    async wait({ id, calls_per_second }, signal) {
      if (calls_per_second === null) return;
      const before = lines.get(id) ?? Promise.resolve();
      const mine = before.catch(() => undefined).then(() => take(id, calls_per_second, signal));
      lines.set(id, mine);
      try {
        const at = await mine;
        await sleep(Math.max(0, at - performance.now()), undefined, { signal });
      } finally {
        if (lines.get(id) === mine) lines.delete(id);
      }
    },
  };
}
