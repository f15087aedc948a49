import type { Client } from "../platform/postgres/database.ts";

/** The channels of a trunk that has a limit. One without is not counted, and nowhere in here. */
export interface TrunkCapacity {
  limit: number;
  /** Channels that are taken, by calls of any workspace. */
  inUse: number;
  /** Who got a channel last. */
  servedWorkspaceId: string | null;
}

export type Trunks = ReadonlyMap<string, TrunkCapacity>;

export const isFull = (trunk: TrunkCapacity | undefined): boolean => trunk !== undefined && trunk.inUse >= trunk.limit;

/**
 * Locks the channels of those trunks that have a limit until the transaction ends, so that the limit is never passed. Comes
 * after `lockCapacity`, never before it, and locks in one order: whoever waits here waits for nobody who waits for us.
 */
export async function lockTrunks(client: Client, trunkIds: Iterable<string>): Promise<Map<string, TrunkCapacity>> {
  const ids = [...new Set(trunkIds)];
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ trunk_id: string; max_channels: number; in_use: number; served_workspace_id: string | null }>({
    name: "lock-trunks",
    text: `select c.trunk_id, t.max_channels, c.in_use, c.served_workspace_id from trunk_capacity c join trunks t on t.id = c.trunk_id
      where c.trunk_id = any($1::uuid[]) and t.max_channels is not null order by c.trunk_id for update of c`,
    values: [ids],
  });
  return new Map(
    rows.map((row) => [row.trunk_id, { limit: row.max_channels, inUse: row.in_use, servedWorkspaceId: row.served_workspace_id }]),
  );
}

/** Counts the channels that calls got, in the order they got them. Their trunks are locked. */
export async function takeChannels(client: Client, calls: ReadonlyArray<{ trunkId: string; workspaceId: string }>): Promise<void> {
  if (calls.length === 0) return;
  const taken = new Map<string, { channels: number; workspaceId: string }>();
  for (const { trunkId, workspaceId } of calls) {
    taken.set(trunkId, { channels: (taken.get(trunkId)?.channels ?? 0) + 1, workspaceId });
  }
  const rows = [...taken.values()];
  await client.query({
    name: "take-channels",
    text: `update trunk_capacity c set in_use = c.in_use + t.channels, served_workspace_id = t.workspace_id
      from unnest($1::uuid[], $2::integer[], $3::uuid[]) as t(trunk_id, channels, workspace_id) where c.trunk_id = t.trunk_id`,
    values: [[...taken.keys()], rows.map(({ channels }) => channels), rows.map(({ workspaceId }) => workspaceId)],
  });
}

/** Gives channels back whose `live_calls` rows are gone, one for each mention of a trunk; `releaseCapacity` wakes those who wait. */
export async function releaseChannels(client: Client, trunkIds: readonly string[]): Promise<void> {
  if (trunkIds.length === 0) return;
  await client.query({
    name: "release-channels",
    text: `with freed as (
        select trunk_id, count(*)::integer as channels from unnest($1::uuid[]) as f(trunk_id) group by trunk_id
      ), locked as materialized (
        select c.trunk_id, f.channels from trunk_capacity c join freed f using (trunk_id) order by c.trunk_id for update of c
      )
      update trunk_capacity c set in_use = c.in_use - l.channels from locked l where c.trunk_id = l.trunk_id`,
    values: [trunkIds],
  });
}

/**
 * Workspaces that have calls waiting for these trunks and lines free to make them: they are not to be overtaken. Two for a trunk
 * at most: they tell each workspace whether there is another. Read without their locks, so it may be past already; a call that
 * waits for nothing because of that is let go by the dispatcher, once woken.
 */
export async function waitersFor(client: Client, trunkIds: readonly string[]): Promise<Map<string, Set<string>>> {
  const waiters = new Map<string, Set<string>>();
  if (trunkIds.length === 0) return waiters;
  const { rows } = await client.query<{ trunk_id: string; workspace_id: string }>({
    name: "waiters-for-trunks",
    text: `select t.trunk_id, w.workspace_id from unnest($1::uuid[]) as t(trunk_id)
      cross join lateral (
        with recursive waiting(workspace_id) as (
          (select q.workspace_id from queued_calls q where q.trunk_id = t.trunk_id order by q.workspace_id limit 1)
          union all
          select (select q.workspace_id from queued_calls q where q.trunk_id = t.trunk_id and q.workspace_id > w.workspace_id
            order by q.workspace_id limit 1)
          from waiting w where w.workspace_id is not null
        )
        select c.workspace_id from waiting join workspace_capacity c using (workspace_id) join workspaces w on w.id = c.workspace_id
        where c.in_use < w.call_limit limit 2
      ) w`,
    values: [trunkIds],
  });
  for (const { trunk_id, workspace_id } of rows) waiters.set(trunk_id, (waiters.get(trunk_id) ?? new Set()).add(workspace_id));
  return waiters;
}
