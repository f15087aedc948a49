import { endQueuedCalls } from "../core/calls/endQueuedCalls.ts";
import type { Client } from "../platform/postgres/database.ts";

const BATCH = 500;

/** Ends calls that have waited for capacity too long; returns how many. To be repeated while it returns a full batch. */
export async function expireQueued(client: Client, now: Date): Promise<number> {
  const { rows } = await client.query<{ workspace_id: string; call_id: string; expires_at: Date }>({
    name: "lock-expired-calls",
    text: "select workspace_id, call_id, expires_at from queued_calls where expires_at <= $1 order by expires_at limit $2 for update skip locked",
    values: [now, BATCH],
  });
  await endQueuedCalls(
    client,
    rows.map((row) => ({
      workspaceId: row.workspace_id,
      callId: row.call_id,
      outcome: "expired",
      reason: "waited_too_long",
      detail: { expires_at: row.expires_at.toISOString() },
      disconnectReason: "Expired in queue",
      error: "No line came free before the call expired.",
      dncEntryId: null,
      dncReason: null,
      at: now,
    })),
  );
  return rows.length;
}
