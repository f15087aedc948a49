import { Conflict } from "../core/errors.ts";
import type { Client } from "../platform/postgres/database.ts";

/** A request that must be done once: its key, unique per workspace and operation, and the SHA-256 of what it asks. */
export interface Claim {
  workspaceId: string;
  operation: string;
  key: string;
  requestHash: Buffer;
}

export type ClaimState = { kind: "free" } | { kind: "done"; result: unknown } | { kind: "refused"; error: Conflict };

/**
 * Takes the keys for the rest of the transaction, without ever waiting, and tells for each claim whether it is free (then the
 * transaction stores its result), was done before (then the stored result is the answer), or is refused: somebody else is at
 * it just now, or the key belongs to a different request. An expired result counts as none.
 */
export async function claimKeys(client: Client, claims: readonly Claim[], now: Date): Promise<ClaimState[]> {
  if (claims.length === 0) return [];
  const columns = [claims.map((claim) => claim.workspaceId), claims.map((claim) => claim.operation), claims.map((claim) => claim.key)];
  const { rows: locks } = await client.query<{ place: number; mine: boolean }>({
    name: "lock-idempotency-keys",
    text: `select place, pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', workspace_id, operation, key), 0)) as mine
      from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as c(workspace_id, operation, key, place)`,
    values: columns,
  });
  const mine = new Set(locks.filter((lock) => lock.mine).map((lock) => lock.place - 1));
  // Only now, with the locks held, does what is stored stand still.
  const { rows: stored } = await client.query<{ place: number; request_hash: Buffer; result: unknown }>({
    name: "read-idempotency-keys",
    text: `select c.place, k.request_hash, k.result
      from unnest($1::uuid[], $2::text[], $3::text[]) with ordinality as c(workspace_id, operation, key, place)
      join idempotency_keys k using (workspace_id, operation, key) where k.expires_at > $4`,
    values: [...columns, now],
  });
  const done = new Map(stored.map((row) => [row.place - 1, row]));
  return claims.map((claim, index) => {
    const earlier = done.get(index);
    if (earlier) return replayOf(claim, earlier);
    return mine.has(index) ? { kind: "free" } : { kind: "refused", error: inProgress() };
  });
}

function replayOf(claim: Claim, earlier: { request_hash: Buffer; result: unknown }): ClaimState {
  return earlier.request_hash.equals(claim.requestHash)
    ? { kind: "done", result: earlier.result }
    : { kind: "refused", error: keyReused() };
}

export const inProgress = () =>
  new Conflict("idempotency_in_progress", "The first request with this idempotency key is still being worked on.");

export const keyReused = () => new Conflict("idempotency_key_reused", "This idempotency key was used for a different request.");
