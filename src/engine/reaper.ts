import type { Client } from "../platform/postgres/database.ts";
import { IN_TIME } from "../platform/postgres/in-time.ts";
import type { Hearing } from "./beHeard.ts";
import { endLeasedCalls } from "./endCalls.ts";

/** A voice node that has not been heard of for this long is dead. Its leases are free one sweep later: within 10 s. */
export const NODE_DEAD_AFTER_SECONDS = 6;
/** A lease that no voice node takes for this long is given up. */
export const UNTAKEN_AFTER_SECONDS = 30;

const BATCH = 500;

interface LostLease {
  workspace_id: string;
  call_id: string;
  node_id: string | null;
}

/**
 * Ends calls that nobody carries any more and gives their leases back: those of dead or vanished nodes, and those that no
 * node took. One transaction of the caller; returns how many. To be repeated while it returns a full batch.
 *
 * Liveness is judged by the database's clock alone. Since when somebody is heard counts as a heartbeat of everybody.
 */
export async function reapLostCalls(client: Client, { since, at }: Hearing, now: Date): Promise<number> {
  const { rows } = await client.query<LostLease>({
    name: "lock-lost-leases",
    text: `select l.workspace_id, l.call_id, l.node_id from live_calls l
      where (l.node_id is null and greatest(l.taken_at, $1) < $2::timestamptz - make_interval(secs => $3))
        or (l.node_id is not null and not (l.node_id = any (array(
          select n.id from nodes n where greatest(n.heartbeat_at, $1) >= $2::timestamptz - make_interval(secs => $4)))))
      limit $5 for update of l skip locked`,
    values: [since, at, UNTAKEN_AFTER_SECONDS, NODE_DEAD_AFTER_SECONDS, BATCH],
  });
  await endLeasedCalls(
    client,
    rows.map((row) => ({
      workspaceId: row.workspace_id,
      callId: row.call_id,
      nodeId: row.node_id,
      outcome: "failed",
      endedBy: "system",
      disconnectReason: row.node_id ? "Voice node lost" : "No voice node took the call",
      error: row.node_id ? "voice node lost" : "no voice node took the call",
      at: now,
    })),
  );
  return rows.length;
}

/** Strikes dead nodes off that hold no lease. One that is alive after all registers again. */
export async function strikeDeadNodes(client: Pick<Client, "query">, { since, at }: Hearing): Promise<void> {
  await client.query({
    name: "strike-dead-nodes",
    text: `delete from nodes n
      where greatest(n.heartbeat_at, $1) < $2::timestamptz - make_interval(secs => $3)
        and not exists (select from live_calls l where l.node_id = n.id)`,
    values: [since, at, NODE_DEAD_AFTER_SECONDS],
    ...IN_TIME,
  });
}
