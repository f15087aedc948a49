import { dncEnd } from "../core/calls/blockQueuedCalls.ts";
import { endQueuedCalls, type QueuedEnd } from "../core/calls/endQueuedCalls.ts";
import { findDncEntries } from "../core/do-not-call/findDncEntries.ts";
import type { JsonObject } from "../core/tables.ts";
import { newId } from "../platform/ids.ts";
import type { Client } from "../platform/postgres/database.ts";
import { lockCapacity } from "./capacity.ts";
import { DIAL_CHANNEL } from "./channels.ts";

/** Calls of one workspace in one transaction. */
const BATCH = 500;

interface QueuedCall {
  workspace_id: string;
  call_id: string;
  agent_id: string;
  to_number: string;
  seq: number;
}

/** Workspaces where calls wait and a lease is free. Found by skipping from workspace to workspace, however long their queues. */
export async function workspacesToServe(client: Pick<Client, "query">): Promise<string[]> {
  const { rows } = await client.query<{ workspace_id: string }>({
    name: "workspaces-to-serve",
    text: `with recursive waiting(workspace_id) as (
        (select workspace_id from queued_calls order by workspace_id limit 1)
        union all
        select (select q.workspace_id from queued_calls q where q.workspace_id > w.workspace_id order by q.workspace_id limit 1)
        from waiting w where w.workspace_id is not null
      )
      select c.workspace_id from waiting join workspace_capacity c using (workspace_id) join workspaces w on w.id = c.workspace_id
      where c.in_use < w.call_limit`,
  });
  return rows.map((row) => row.workspace_id);
}

/**
 * queued ──► admitted, in the order of each queue, as many as there are leases free; a call whose number has been put on the
 * Do-Not-Call list meanwhile ends instead. One transaction of the caller; returns how many calls left the queues.
 *
 * The list is read after the queue's rows are locked: whoever blocks a number waits for them, or has blocked it before.
 */
export async function admitQueued(client: Client, workspaceIds: readonly string[], now: Date): Promise<number> {
  const capacities = await lockCapacity(client, workspaceIds);
  const free = [...capacities].filter(([, { inUse, limit }]) => inUse < limit);
  if (free.length === 0) return 0;
  const queued = await firstInQueue(
    client,
    free.map(([workspaceId, { inUse, limit }]) => ({ workspaceId, count: Math.min(limit - inUse, BATCH) })),
  );
  if (queued.length === 0) return 0;
  const checks = queued.map((call) => ({ workspaceId: call.workspace_id, phone: call.to_number, agentId: call.agent_id }));
  const entries = await findDncEntries(client, checks, now);
  const blocked = queued.flatMap((call, index): QueuedEnd[] => {
    const entry = entries[index];
    return entry ? [{ workspaceId: call.workspace_id, callId: call.call_id, ...dncEnd(entry), at: now }] : [];
  });
  await endQueuedCalls(client, blocked);
  const admitted = queued.filter((_call, index) => !entries[index]);
  await admit(
    client,
    admitted.map((call) => {
      const capacity = capacities.get(call.workspace_id);
      const detail = { limit: capacity?.limit, in_use: capacity?.inUse };
      if (capacity) capacity.inUse++;
      return { ...call, detail };
    }),
    now,
  );
  return queued.length;
}

async function firstInQueue(client: Client, room: ReadonlyArray<{ workspaceId: string; count: number }>): Promise<QueuedCall[]> {
  const { rows } = await client.query<QueuedCall>({
    name: "first-in-queue",
    text: `select q.workspace_id, q.call_id, q.seq, c.agent_id, c.to_number
      from unnest($1::uuid[], $2::integer[]) as room(workspace_id, count)
      cross join lateral (
        select q.workspace_id, q.call_id, q.seq from queued_calls q where q.workspace_id = room.workspace_id
        order by q.seq limit room.count for update of q skip locked
      ) q
      join calls c on c.workspace_id = q.workspace_id and c.id = q.call_id`,
    values: [room.map(({ workspaceId }) => workspaceId), room.map(({ count }) => count)],
  });
  return rows.sort((a, b) => a.seq - b.seq);
}

async function admit(client: Client, calls: ReadonlyArray<QueuedCall & { detail: JsonObject }>, now: Date): Promise<void> {
  if (calls.length === 0) return;
  const rows = calls.map(({ workspace_id, call_id, detail }) => ({ workspace_id, call_id, detail, decision_id: newId() }));
  await client.query({ name: "admit-queued-calls", text: ADMIT, values: [JSON.stringify(rows), now] });
  await client.query(`select pg_notify('${DIAL_CHANNEL}', '')`);
}

const ADMIT = `
  with a as (
    select * from json_to_recordset($1::json) as a(workspace_id uuid, call_id uuid, detail jsonb, decision_id uuid)
  ), gone as (
    delete from queued_calls q using a where q.workspace_id = a.workspace_id and q.call_id = a.call_id
    returning a.*
  ), admitted as (
    update calls c set status = 'admitted', updated_at = $2
    from gone g where c.workspace_id = g.workspace_id and c.id = g.call_id and c.status = 'queued'
    returning c.workspace_id, c.id, g.detail, g.decision_id
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, id, decision_id, 'admitted', 'capacity_free', detail, $2 from admitted
  ), leased as (
    insert into live_calls (workspace_id, call_id) select workspace_id, id from admitted
  )
  update workspace_capacity c set in_use = c.in_use + n.leases
  from (select workspace_id, count(*)::integer as leases from admitted group by workspace_id) n
  where c.workspace_id = n.workspace_id`;
