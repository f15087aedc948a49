import { dncEnd } from "../core/calls/blockQueuedCalls.ts";
import { endQueuedCalls, type QueuedEnd } from "../core/calls/endQueuedCalls.ts";
import { findDncEntries } from "../core/do-not-call/findDncEntries.ts";
import type { JsonObject } from "../core/tables.ts";
import { newId } from "../platform/ids.ts";
import type { Client } from "../platform/postgres/database.ts";
import { lockCapacity } from "./capacity.ts";
import { DIAL_CHANNEL } from "./channels.ts";
import type { Lane } from "./lanesToServe.ts";
import { shareChannels } from "./shareChannels.ts";
import { lockTrunks, takeChannels } from "./trunk-capacity.ts";

/** Calls of one lane in one transaction. */
const BATCH = 500;

interface QueuedCall {
  workspace_id: string;
  call_id: string;
  agent_id: string;
  to_number: string;
  trunk_id: string | null;
  seq: number;
}

interface Admission extends QueuedCall {
  detail: JsonObject;
  holds_channel: boolean;
}

/**
 * queued ──► admitted, in the order of each lane, as many as there are leases and channels free; a call whose number has been
 * put on the Do-Not-Call list meanwhile ends instead. One transaction of the caller; returns how many calls left the queues.
 *
 * The list is read after the queue's rows are locked: whoever blocks a number waits for them, or has blocked it before.
 */
export async function admitQueued(client: Client, lanes: readonly Lane[], now: Date): Promise<number> {
  const capacities = await lockCapacity(
    client,
    lanes.map(({ workspaceId }) => workspaceId),
  );
  const trunks = await lockTrunks(
    client,
    lanes.flatMap(({ trunkId }) => trunkId ?? []),
  );
  const rooms = lanes.flatMap((lane) => {
    const capacity = capacities.get(lane.workspaceId);
    const trunk = lane.trunkId === null ? undefined : trunks.get(lane.trunkId);
    const count = Math.min(
      BATCH,
      capacity ? capacity.limit - capacity.inUse : 0,
      trunk ? trunk.limit - trunk.inUse : Number.POSITIVE_INFINITY,
    );
    return count > 0 ? [{ ...lane, count }] : [];
  });
  const queued = await firstInLanes(client, rooms);
  if (queued.length === 0) return 0;
  const checks = queued.map((call) => ({ workspaceId: call.workspace_id, phone: call.to_number, agentId: call.agent_id }));
  const entries = await findDncEntries(client, checks, now);
  const blocked = queued.flatMap((call, index): QueuedEnd[] => {
    const entry = entries[index];
    return entry ? [{ workspaceId: call.workspace_id, callId: call.call_id, ...dncEnd(entry), at: now }] : [];
  });
  await endQueuedCalls(client, blocked);
  const admissions: Admission[] = [];
  const callable = queued.filter((_call, index) => !entries[index]);
  shareChannels(callable, capacities, trunks, (call) => {
    const capacity = capacities.get(call.workspace_id);
    const trunk = call.trunk_id === null ? undefined : trunks.get(call.trunk_id);
    const detail = {
      limit: capacity?.limit,
      in_use: capacity?.inUse,
      ...(trunk ? { trunk_limit: trunk.limit } : {}),
    };
    admissions.push({ ...call, detail, holds_channel: trunk !== undefined });
    if (capacity) capacity.inUse++;
    if (trunk) {
      trunk.inUse++;
      trunk.servedWorkspaceId = call.workspace_id;
    }
  });
  await admit(client, admissions, now);
  return blocked.length + admissions.length;
}

/** Oldest first. */
async function firstInLanes(client: Client, rooms: ReadonlyArray<Lane & { count: number }>): Promise<QueuedCall[]> {
  const [simulated, real] = [rooms.filter(({ trunkId }) => trunkId === null), rooms.filter(({ trunkId }) => trunkId !== null)];
  const queued: QueuedCall[] = [];
  for (const [some, query] of [
    [simulated, FIRST_SIMULATED],
    [real, FIRST_ON_TRUNKS],
  ] as const) {
    if (some.length === 0) continue;
    const values = [some.map(({ workspaceId }) => workspaceId), some.map(({ trunkId }) => trunkId), some.map(({ count }) => count)];
    queued.push(...(await client.query<QueuedCall>({ ...query, values })).rows);
  }
  return queued.sort((a, b) => a.seq - b.seq);
}

/** By trunk too, although a lane has but one: that is the index's order, which "is null" alone does not tell the planner. */
const first = (inLane: string): string => `
  select q.workspace_id, q.call_id, q.trunk_id, q.seq, c.agent_id, c.to_number
  from unnest($1::uuid[], $2::uuid[], $3::integer[]) as room(workspace_id, trunk_id, count)
  cross join lateral (
    select q.workspace_id, q.call_id, q.trunk_id, q.seq from queued_calls q where q.workspace_id = room.workspace_id and ${inLane}
    order by q.trunk_id, q.seq limit room.count for update of q skip locked
  ) q
  join calls c on c.workspace_id = q.workspace_id and c.id = q.call_id`;

/** Two statements: an index is of no use to "is not distinct from". */
const FIRST_SIMULATED = { name: "first-in-queue", text: first("q.trunk_id is null") };
const FIRST_ON_TRUNKS = { name: "first-in-queue-of-trunks", text: first("q.trunk_id = room.trunk_id") };

async function admit(client: Client, calls: readonly Admission[], now: Date): Promise<void> {
  if (calls.length === 0) return;
  const rows = calls.map(({ workspace_id, call_id, trunk_id, holds_channel, detail }) => ({
    workspace_id,
    call_id,
    trunk_id,
    holds_channel,
    detail,
    decision_id: newId(),
  }));
  await client.query({ name: "admit-queued-calls", text: ADMIT, values: [JSON.stringify(rows), now] });
  await takeChannels(
    client,
    calls.flatMap((call) => (call.holds_channel && call.trunk_id ? { trunkId: call.trunk_id, workspaceId: call.workspace_id } : [])),
  );
  await client.query(`select pg_notify('${DIAL_CHANNEL}', '')`);
}

/** Whoever holds a row of `queued_calls` locked decides about its call, so each of these is still queued. */
const ADMIT = `
  with a as (
    select * from json_to_recordset($1::json) as a(workspace_id uuid, call_id uuid, trunk_id uuid, holds_channel boolean, detail jsonb,
      decision_id uuid)
  ), gone as (
    delete from queued_calls q using a where q.workspace_id = a.workspace_id and q.call_id = a.call_id
    returning a.*
  ), admitted as (
    update calls c set status = 'admitted', updated_at = $2
    from gone g where c.workspace_id = g.workspace_id and c.id = g.call_id and c.status = 'queued'
    returning c.workspace_id, c.id, g.trunk_id, g.holds_channel, g.detail, g.decision_id
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, id, decision_id, 'admitted', 'capacity_free', detail, $2 from admitted
  ), leased as (
    insert into live_calls (workspace_id, call_id, trunk_id, holds_channel) select workspace_id, id, trunk_id, holds_channel from admitted
  )
  update workspace_capacity c set in_use = c.in_use + n.leases
  from (select workspace_id, count(*)::integer as leases from admitted group by workspace_id) n
  where c.workspace_id = n.workspace_id`;
