import type { AgentSettings } from "../core/agents/settings.ts";
import { dncEnd } from "../core/calls/blockQueuedCalls.ts";
import type { Call } from "../core/calls/row.ts";
import { findDncEntries } from "../core/do-not-call/findDncEntries.ts";
import { recordCallEvents } from "../core/events/recordCallEvents.ts";
import type { Client } from "../platform/postgres/database.ts";
import { type CallEnd, endLeasedCalls } from "./endCalls.ts";

/** A call that a voice node is to dial now, with what its agent's pinned version says. */
export interface TakenCall {
  call: Call;
  agent: AgentSettings;
  /** IANA, of the workspace. */
  timeZone: string;
}

interface Lease {
  workspace_id: string;
  call_id: string;
  agent_id: string;
  to_number: string;
}

/**
 * admitted ──► ringing: gives a node up to `limit` of the leases that nobody has taken, oldest first, and tells that dialling
 * starts. A number that was put on the Do-Not-Call list since the admission is not dialled: its call ends here. The calls
 * are to be dialled once the transaction has committed, so that a crash never makes a phone ring twice.
 */
export async function takeCalls(client: Client, node: { id: string; limit: number; now: Date }): Promise<TakenCall[]> {
  const { rows: leases } = await client.query<Lease>({ name: "take-leases", text: TAKE, values: [node.id, node.limit] });
  if (leases.length === 0) return [];
  const checks = leases.map((lease) => ({ workspaceId: lease.workspace_id, phone: lease.to_number, agentId: lease.agent_id }));
  const entries = await findDncEntries(client, checks, node.now);
  const taken = await ring(
    client,
    leases.filter((_lease, index) => !entries[index]),
    node.now,
  );
  await recordCallEvents(
    client,
    taken.map(({ call }) => ({ type: "call.started", call, at: node.now })),
  );
  const blocked = leases.flatMap((lease, index): CallEnd[] => {
    const entry = entries[index];
    if (!entry) return [];
    const { reason, detail, outcome, disconnectReason } = dncEnd(entry);
    return [
      {
        workspaceId: lease.workspace_id,
        callId: lease.call_id,
        nodeId: node.id,
        outcome,
        endedBy: "system",
        disconnectReason,
        blocked: { entryId: entry.id, entryReason: entry.reason, reason, detail },
        at: node.now,
      },
    ];
  });
  await endLeasedCalls(client, blocked);
  return taken;
}

/** Only a registered node takes calls; its row is locked, so that it is not struck off meanwhile. */
const TAKE = `
  with me as materialized (
    select id from nodes where id = $1 for key share
  ), picked as materialized (
    select l.workspace_id, l.call_id from live_calls l
    where l.node_id is null and exists (select from me) order by l.taken_at limit $2 for update of l skip locked
  ), taken as (
    update live_calls l set node_id = $1 from picked p where l.workspace_id = p.workspace_id and l.call_id = p.call_id
    returning l.workspace_id, l.call_id
  )
  select t.workspace_id, t.call_id, c.agent_id, c.to_number from taken t join calls c on c.workspace_id = t.workspace_id and c.id = t.call_id`;

async function ring(client: Client, leases: readonly Lease[], now: Date): Promise<TakenCall[]> {
  const { rows } = await client.query<Call & { agent_settings: AgentSettings; workspace_time_zone: string }>({
    name: "ring-calls",
    text: `with rung as (
        update calls c set status = 'ringing', started_at = $3, updated_at = $3
        from unnest($1::uuid[], $2::uuid[]) as l(workspace_id, call_id)
        where c.workspace_id = l.workspace_id and c.id = l.call_id and c.status = 'admitted'
        returning c.*
      )
      select r.*, v.settings as agent_settings, w.time_zone as workspace_time_zone from rung r
      join agent_versions v on v.workspace_id = r.workspace_id and v.agent_id = r.agent_id and v.version = r.agent_version
      join workspaces w on w.id = r.workspace_id`,
    values: [leases.map((lease) => lease.workspace_id), leases.map((lease) => lease.call_id), now],
  });
  return rows.map(({ agent_settings: agent, workspace_time_zone: timeZone, ...call }) => ({ call, agent, timeZone }));
}
