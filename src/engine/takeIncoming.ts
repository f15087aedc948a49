import type { RejectReason } from "../carriers/carrier.ts";
import type { AgentSettings } from "../core/agents/settings.ts";
import type { Call } from "../core/calls/row.ts";
import { recordCallEvents } from "../core/events/recordCallEvents.ts";
import { resolveLeads } from "../core/leads/resolveLeads.ts";
import { newId } from "../platform/ids.ts";
import { canonicalPhone } from "../platform/phone.ts";
import type { Client } from "../platform/postgres/database.ts";
import { lockCapacity } from "./capacity.ts";
import type { TakenCall } from "./takeCalls.ts";
import { isFull, lockTrunks, takeChannels } from "./trunk-capacity.ts";

export interface Arrival {
  trunkId: string;
  /** E.164; null when the caller does not show one. */
  from: string | null;
  fromName: string | null;
  /** E.164. */
  to: string;
}

/** The `from_number` of a caller who shows none; SIP's own word for it (RFC 3323 4.1.1.3). */
export const ANONYMOUS = "anonymous";

interface Door {
  workspace_id: string | null;
  is_active: boolean;
  agent_id: string | null;
  agent_version: number;
  agent_is_active: boolean;
  agent_settings: AgentSettings;
  time_zone: string;
}

/**
 * Takes a call that comes in, for a node that carries it from now on: the number's agent, a lease, a channel, the caller's lead,
 * made if need be. One transaction of the caller; a call that is refused leaves nothing behind.
 *
 * It does not queue, because somebody hears it ring, and so goes before the calls that do. The Do-Not-Call list is not asked:
 * it holds whom we may not call, and who is on it may very well call us.
 */
export async function takeIncoming(
  client: Client,
  node: { id: string; now: Date },
  arrival: Arrival,
): Promise<TakenCall | { rejected: RejectReason }> {
  const door = await findDoor(client, node.id, arrival);
  if (!door) return { rejected: "unavailable" };
  const { workspace_id: workspaceId, agent_id: agentId } = door;
  if (!workspaceId || !door.is_active || !agentId || !door.agent_is_active) return { rejected: "unknown_number" };
  const capacity = (await lockCapacity(client, [workspaceId])).get(workspaceId);
  const trunk = (await lockTrunks(client, [arrival.trunkId])).get(arrival.trunkId);
  if (!capacity || capacity.inUse >= capacity.limit || isFull(trunk)) return { rejected: "full" };
  const call = await write(client, {
    workspace_id: workspaceId,
    id: newId(),
    agent_id: agentId,
    agent_version: door.agent_version,
    lead_id: await leadOf(client, workspaceId, arrival, node.now),
    from_number: arrival.from ?? ANONYMOUS,
    to_number: arrival.to,
    trunk_id: arrival.trunkId,
    holds_channel: trunk !== undefined,
    node_id: node.id,
    decision_id: newId(),
    detail: {
      limit: capacity.limit,
      in_use: capacity.inUse,
      ...(trunk ? { trunk_limit: trunk.limit, trunk_in_use: trunk.inUse } : {}),
    },
    now: node.now,
  });
  await takeChannels(client, trunk ? [{ trunkId: arrival.trunkId, workspaceId }] : []);
  await recordCallEvents(client, [{ type: "call.started", call, at: node.now }]);
  return { call, agent: door.agent_settings, timeZone: door.time_zone };
}

/** Whose number it is. Undefined: the node is not registered (any more); its row is locked, so that it is not struck off meanwhile. */
async function findDoor(client: Client, nodeId: string, { trunkId, to }: Arrival): Promise<Door | undefined> {
  const { rows } = await client.query<Door>({
    name: "find-inbound-agent",
    text: `select n.workspace_id, coalesce(p.is_active, false) as is_active, a.id as agent_id, a.version as agent_version,
        coalesce(a.is_active, false) as agent_is_active, a.settings as agent_settings, w.time_zone
      from nodes me
      left join trunk_numbers n on n.trunk_id = $2 and n.phone = $3
      left join phone_numbers p on p.workspace_id = n.workspace_id and p.id = n.phone_number_id
      left join agents a on a.workspace_id = p.workspace_id and a.id = p.inbound_agent_id
      left join workspaces w on w.id = n.workspace_id
      where me.id = $1 for key share of me`,
    values: [nodeId, trunkId, to],
  });
  return rows[0];
}

/** The lead with the caller's number; an unknown caller becomes one (yappr 8: source auto). Nobody is behind a hidden number. */
async function leadOf(client: Client, workspaceId: string, { from, fromName }: Arrival, now: Date): Promise<string | null> {
  if (from === null) return null;
  const phone = canonicalPhone(from);
  const [resolved] = await resolveLeads(client, [
    { workspace_id: workspaceId, id: newId(), lookup: "phone", name: nameOf(fromName), phone, origin: "inbound_call", now },
  ]);
  return resolved?.lead.id ?? null;
}

const LONGEST_NAME = 500;

/** Many a telephone shows its number as its name. */
function nameOf(shown: string | null): string {
  const name = (shown ?? "").replace(/\p{Cc}/gu, " ").trim();
  return /\p{L}/u.test(name) && name.toLowerCase() !== ANONYMOUS ? name.slice(0, LONGEST_NAME) : "";
}

async function write(client: Client, row: { now: Date } & Record<string, unknown>): Promise<Call> {
  const { rows } = await client.query<Call>({ name: "write-incoming-call", text: WRITE, values: [JSON.stringify(row)] });
  return rows[0] as Call;
}

/** Rings from the moment it comes in. */
const WRITE = `
  with d as (
    select * from json_to_record($1::json) as d(workspace_id uuid, id uuid, agent_id uuid, agent_version integer, lead_id uuid,
      from_number text, to_number text, trunk_id uuid, holds_channel boolean, node_id uuid, decision_id uuid, detail jsonb, now timestamptz)
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, id, decision_id, 'admitted', 'capacity_free', detail, now from d
  ), leased as (
    insert into live_calls (workspace_id, call_id, node_id, trunk_id, holds_channel)
    select workspace_id, id, node_id, trunk_id, holds_channel from d
  ), counted as (
    update workspace_capacity c set in_use = c.in_use + 1 from d where c.workspace_id = d.workspace_id
  )
  insert into calls (workspace_id, id, agent_id, agent_version, lead_id, direction, from_number, to_number, status, trunk_id,
    created_at, started_at, rang_at, updated_at)
  select workspace_id, id, agent_id, agent_version, lead_id, 'inbound', from_number, to_number, 'ringing', trunk_id, now, now, now, now
  from d
  returning *`;
