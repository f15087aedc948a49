import { isUuid } from "../../platform/ids.ts";
import type { House } from "../context.ts";
import { NotFound } from "../errors.ts";

/** Notified when a key stops opening anything, so that every process forgets what it remembers of it. */
export const KEYS_CHANNEL = "leadline_keys";

/** Ends a key at once, on every node; revoking again changes nothing. `key`: its id or number. Throws NotFound("api_key"). */
export async function revokeKey(house: Pick<House, "db" | "clock">, key: string): Promise<{ id: string; revokedAt: Date }> {
  const column = isUuid(key) ? "id" : /^\d{1,15}$/.test(key) ? "number" : undefined;
  if (!column) throw new NotFound("api_key", key);
  return house.db.inTransaction(async (client) => {
    const { rows } = await client.query<{ id: string; revoked_at: Date }>(
      `update api_keys set revoked_at = coalesce(revoked_at, $2) where ${column} = $1 returning id, revoked_at`,
      [key, house.clock.now()],
    );
    const row = rows[0];
    if (!row) throw new NotFound("api_key", key);
    await client.query("select pg_notify($1, $2)", [KEYS_CHANNEL, row.id]);
    return { id: row.id, revokedAt: row.revoked_at };
  });
}
