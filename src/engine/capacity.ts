import type { Client } from "../platform/postgres/database.ts";
import { QUEUE_CHANNEL } from "./channels.ts";
import { releaseChannels } from "./trunk-capacity.ts";

export interface Capacity {
  limit: number;
  /** Leases that are taken. */
  inUse: number;
}

/**
 * Locks the capacity of workspaces until the transaction ends: whoever admits or queues a call holds this lock, so that the
 * limit is never passed and nobody overtakes. Always locked in one order.
 */
export async function lockCapacity(client: Client, workspaceIds: Iterable<string>): Promise<Map<string, Capacity>> {
  const { rows } = await client.query<{ workspace_id: string; call_limit: number; in_use: number }>({
    name: "lock-capacity",
    text: `select c.workspace_id, c.in_use, w.call_limit from workspace_capacity c join workspaces w on w.id = c.workspace_id
      where c.workspace_id = any($1::uuid[]) order by c.workspace_id for update of c`,
    values: [[...new Set(workspaceIds)]],
  });
  return new Map(rows.map((row) => [row.workspace_id, { limit: row.call_limit, inUse: row.in_use }]));
}

/** How many of a workspace's calls wait for each trunk; null: the simulated carrier. */
export type Queue = Map<string | null, number>;

/** The queues of workspaces. To be asked after `lockCapacity`: only then do the numbers stand. */
export async function countQueued(client: Client, workspaceIds: Iterable<string>): Promise<Map<string, Queue>> {
  const { rows } = await client.query<{ workspace_id: string; trunk_id: string | null; waiting: number }>({
    name: "count-queued-calls",
    text: `select workspace_id, trunk_id, count(*) as waiting from queued_calls where workspace_id = any($1::uuid[])
      group by workspace_id, trunk_id`,
    values: [[...new Set(workspaceIds)]],
  });
  const queues = new Map<string, Queue>();
  for (const { workspace_id, trunk_id, waiting } of rows) {
    queues.set(workspace_id, (queues.get(workspace_id) ?? new Map()).set(trunk_id, waiting));
  }
  return queues;
}

/** What a call held. */
export interface Lease {
  workspaceId: string;
  /** The trunk that it held a counted channel of. */
  channelOf: string | null;
}

/** Gives leases back whose `live_calls` rows are gone, and wakes the dispatchers where calls wait. Last in a transaction. */
export async function releaseCapacity(client: Client, leases: readonly Lease[]): Promise<void> {
  if (leases.length === 0) return;
  const workspaceIds = leases.map(({ workspaceId }) => workspaceId);
  const trunkIds = leases.flatMap(({ channelOf }) => channelOf ?? []);
  await client.query({
    name: "release-capacity",
    text: `with freed as (
        select workspace_id, count(*)::integer as leases from unnest($1::uuid[]) as f(workspace_id) group by workspace_id
      ), locked as materialized (
        select c.workspace_id, f.leases from workspace_capacity c join freed f using (workspace_id) order by c.workspace_id for update of c
      )
      update workspace_capacity c set in_use = c.in_use - l.leases from locked l where c.workspace_id = l.workspace_id`,
    values: [workspaceIds],
  });
  await releaseChannels(client, trunkIds);
  // A statement of its own: whoever queued a call while we waited for the locks is seen only now.
  await client.query({
    name: "wake-dispatchers",
    text: `select pg_notify('${QUEUE_CHANNEL}', f.workspace_id::text) from (select distinct workspace_id from unnest($1::uuid[]) as f(workspace_id)) f
      where exists (select from queued_calls q where q.workspace_id = f.workspace_id)`,
    values: [workspaceIds],
  });
  if (trunkIds.length > 0) {
    await client.query({
      name: "wake-dispatchers-for-trunks",
      text: `select pg_notify('${QUEUE_CHANNEL}', '') where exists (select from queued_calls q where q.trunk_id = any($1::uuid[]))`,
      values: [trunkIds],
    });
  }
}
