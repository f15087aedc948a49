import type { Client } from "../platform/postgres/database.ts";

/** The calls of one workspace that wait for one trunk; null: for the simulated carrier. */
export interface Lane {
  workspaceId: string;
  trunkId: string | null;
}

/**
 * Where calls wait and both a lease and a channel are free, by workspace. Found by skipping from workspace to workspace and from
 * trunk to trunk, however long the queues. First come those whose turn it is on a trunk: the workspaces after the one that got
 * its last channel, in the order of their ids and round again; not many more of them than the trunk has channels free, since
 * each costs a lock.
 */
export async function lanesToServe(client: Pick<Client, "query">): Promise<Lane[][]> {
  const { rows } = await client.query<{ workspace_id: string; trunk_id: string | null }>({
    name: "lanes-to-serve",
    text: LANES,
    ...WITHIN,
  });
  const workspaces = new Map<string, Lane[]>();
  for (const { workspace_id, trunk_id } of rows) {
    const lanes = workspaces.get(workspace_id) ?? [];
    lanes.push({ workspaceId: workspace_id, trunkId: trunk_id });
    workspaces.set(workspace_id, lanes);
  }
  return [...workspaces.values()];
}

/** Lanes beside those that the free channels are for, because some may turn out to be served, expired or blocked already. */
const SPARE_LANES = 50;

/** A database that takes longer has gone without a word; who waits for it would wait as long as TCP does. */
const WITHIN = { query_timeout: 10_000 };

const LANES = `
  with recursive waiting(workspace_id) as (
    (select workspace_id from queued_calls order by workspace_id limit 1)
    union all
    select (select q.workspace_id from queued_calls q where q.workspace_id > w.workspace_id order by q.workspace_id limit 1)
    from waiting w where w.workspace_id is not null
  ), open as (
    select c.workspace_id from waiting join workspace_capacity c using (workspace_id) join workspaces w on w.id = c.workspace_id
    where c.in_use < w.call_limit
  ), lane as (
    select o.workspace_id, null::uuid as trunk_id from open o
    where exists (select from queued_calls q where q.workspace_id = o.workspace_id and q.trunk_id is null)
    union all
    select o.workspace_id, t.trunk_id from open o cross join lateral (
      with recursive skip(trunk_id) as (
        (select q.trunk_id from queued_calls q where q.workspace_id = o.workspace_id and q.trunk_id is not null order by q.trunk_id limit 1)
        union all
        select (select q.trunk_id from queued_calls q where q.workspace_id = o.workspace_id and q.trunk_id > s.trunk_id
          order by q.trunk_id limit 1)
        from skip s where s.trunk_id is not null
      )
      select trunk_id from skip where trunk_id is not null
    ) t
  )
  select workspace_id, trunk_id from (
    select l.workspace_id, l.trunk_id, t.max_channels - coalesce(c.in_use, 0) as free,
      row_number() over (partition by l.trunk_id order by l.workspace_id <= c.served_workspace_id, l.workspace_id) as turn
    from lane l left join trunks t on t.id = l.trunk_id left join trunk_capacity c on c.trunk_id = l.trunk_id
  ) l
  where free is null or (free > 0 and turn <= free + ${SPARE_LANES})
  order by turn`;
