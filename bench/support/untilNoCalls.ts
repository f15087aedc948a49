import { setTimeout as sleep } from "node:timers/promises";
import type { Product } from "./product.ts";

const PATIENCE_MS = 60_000;

/** Waits until no call is under way or waits. Throws, saying what there is, when that takes longer than a minute. */
export async function untilNoCalls({ store }: Pick<Product, "store">): Promise<void> {
  const { pool } = store.house.db;
  for (const until = performance.now() + PATIENCE_MS; ; await sleep(20)) {
    const { rows } = await pool.query<{ busy: boolean }>(
      "select exists (select from live_calls) or exists (select from queued_calls) as busy",
    );
    if (!rows[0]?.busy) return;
    if (performance.now() < until) continue;
    const { rows: left } = await pool.query(
      "select status, trunk_id, count(*)::int, min(created_at), max(answered_at) as last_answered from calls where status <> 'ended' group by status, trunk_id",
    );
    throw new Error(`Calls do not end: ${JSON.stringify(left)}`);
  }
}
