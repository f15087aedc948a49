import type { RejectReason } from "../carriers/carrier.ts";
import type { AgentSettings } from "../core/agents/settings.ts";
import type { Call } from "../core/calls/row.ts";
import { recordCallEvents } from "../core/events/recordCallEvents.ts";
import { resolveLeads } from "../core/leads/resolveLeads.ts";
import type { JsonObject } from "../core/tables.ts";
import { newId } from "../platform/ids.ts";
import { canonicalPhone } from "../platform/phone.ts";
import type { Client } from "../platform/postgres/database.ts";
import type { GroupRun } from "../platform/postgres/group-commit.ts";
import { storableText } from "../platform/postgres/storableText.ts";
import { lockCapacity } from "./capacity.ts";
import type { TakenCall } from "./takeCalls.ts";
import { isFull, lockTrunks, takeChannels } from "./trunk-capacity.ts";

export interface Arrival {
  nodeId: string;
  trunkId: string;
  /** E.164; null when the caller does not show one. */
  from: string | null;
  fromName: string | null;
  /** E.164. */
  to: string;
  now: Date;
}

/** The `from_number` of a caller who shows none; SIP's own word for it (RFC 3323 4.1.1.3). */
export const ANONYMOUS = "anonymous";

interface Door {
  workspace_id: string;
  agent_id: string;
  agent_version: number;
  agent_settings: AgentSettings;
  time_zone: string;
}

type Decision = { rejected: RejectReason } | { door: Door; arrival: Arrival; holdsChannel: boolean; detail: JsonObject };

/**
 * Takes calls that come in, each for a node that carries it from now on: the number's agent, a lease, a channel, the caller's
 * lead, made if need be. Those at once share one transaction; a call that is refused leaves nothing behind.
 *
 * It does not queue, because somebody hears it ring, and so goes before the calls that do. The Do-Not-Call list is not asked:
 * it holds whom we may not call, and who is on it may very well call us.
 */
export const takeIncoming: GroupRun<Arrival, TakenCall | { rejected: RejectReason }> = async (client, arrivals) => {
  const decisions = await decide(client, arrivals);
  const taken = decisions.flatMap((decision) => ("door" in decision ? [decision] : []));
  const calls = new Map<Decision, Call>();
  if (taken.length > 0) {
    const leads = await leadsOf(client, taken);
    const rows = taken.map((decision) => toRow(decision, leads.get(decision) ?? null));
    const written = new Map((await write(client, rows)).map((call) => [call.id, call]));
    taken.forEach((decision, index) => {
      const call = written.get(rows[index]?.id ?? "");
      if (call) calls.set(decision, call);
    });
    await takeChannels(
      client,
      taken.flatMap(({ door, arrival, holdsChannel }) =>
        holdsChannel ? { trunkId: arrival.trunkId, workspaceId: door.workspace_id } : [],
      ),
    );
    await recordCallEvents(
      client,
      [...calls.values()].map((call) => ({ type: "call.started", call, at: call.created_at })),
    );
  }
  return decisions.map((decision) => {
    if ("rejected" in decision) return decision;
    const call = calls.get(decision);
    if (!call) return new Error("a call that came in was not written");
    return { call, agent: decision.door.agent_settings, timeZone: decision.door.time_zone };
  });
};

/** In the order of the arrivals. Workspaces and trunks of those that are taken keep their capacity locked from here on. */
async function decide(client: Client, arrivals: readonly Arrival[]): Promise<Decision[]> {
  const doors = await findDoors(client, arrivals);
  const open = doors.filter((door) => typeof door === "object");
  const capacities = await lockCapacity(
    client,
    open.map((door) => door.workspace_id),
  );
  const trunks = await lockTrunks(
    client,
    arrivals.flatMap(({ trunkId }, index) => (typeof doors[index] === "object" ? trunkId : [])),
  );
  return arrivals.map((arrival, index): Decision => {
    const door = doors[index] ?? "unavailable";
    if (typeof door === "string") return { rejected: door };
    const capacity = capacities.get(door.workspace_id);
    const trunk = trunks.get(arrival.trunkId);
    if (!capacity || capacity.inUse >= capacity.limit || isFull(trunk)) return { rejected: "full" };
    const detail = {
      limit: capacity.limit,
      in_use: capacity.inUse,
      ...(trunk ? { trunk_limit: trunk.limit } : {}),
    };
    capacity.inUse++;
    if (trunk) trunk.inUse++;
    return { door, arrival, holdsChannel: trunk !== undefined, detail };
  });
}

/** Whose numbers they are. A node that is not registered (any more) can take nothing; its row is locked, so that it stays. */
async function findDoors(client: Client, arrivals: readonly Arrival[]): Promise<Array<Door | RejectReason>> {
  const { rows } = await client.query<Partial<Door> & { place: number; number_is_active: boolean; agent_is_active: boolean }>({
    name: "find-inbound-agents",
    text: `with me as materialized (
        select id from nodes where id = any($1::uuid[]) for key share
      )
      select r.place, n.workspace_id, coalesce(p.is_active, false) as number_is_active, a.id as agent_id, a.version as agent_version,
        coalesce(a.is_active, false) as agent_is_active, a.settings as agent_settings, w.time_zone
      from unnest($1::uuid[], $2::uuid[], $3::text[]) with ordinality as r(node_id, trunk_id, phone, place)
      join me on me.id = r.node_id
      left join trunk_numbers n on n.trunk_id = r.trunk_id and n.phone = r.phone
      left join phone_numbers p on p.workspace_id = n.workspace_id and p.id = n.phone_number_id
      left join agents a on a.workspace_id = p.workspace_id and a.id = p.inbound_agent_id
      left join workspaces w on w.id = n.workspace_id`,
    values: [arrivals.map(({ nodeId }) => nodeId), arrivals.map(({ trunkId }) => trunkId), arrivals.map(({ to }) => to)],
  });
  const found = new Map(rows.map((row) => [row.place - 1, row]));
  return arrivals.map((_arrival, index) => {
    const row = found.get(index);
    if (!row) return "unavailable";
    const { workspace_id, agent_id, agent_version, agent_settings, time_zone } = row;
    const complete = workspace_id && agent_id && agent_version && agent_settings && time_zone;
    if (!complete || !row.number_is_active || !row.agent_is_active) return "unknown_number";
    return { workspace_id, agent_id, agent_version, agent_settings, time_zone };
  });
}

type Taken = Extract<Decision, { door: Door }>;

/** The lead with the caller's number; an unknown caller becomes one (yappr 8: source auto). Nobody is behind a hidden number. */
async function leadsOf(client: Client, taken: readonly Taken[]): Promise<Map<Decision, string>> {
  const known = taken.flatMap((one) => (one.arrival.from === null ? [] : [{ one, phone: canonicalPhone(one.arrival.from) }]));
  if (known.length === 0) return new Map();
  const resolved = await resolveLeads(
    client,
    known.map(({ one: { door, arrival }, phone }) => ({
      workspace_id: door.workspace_id,
      id: newId(),
      lookup: "phone",
      name: nameOf(arrival.fromName),
      phone,
      origin: "inbound_call",
      now: arrival.now,
    })),
  );
  return new Map(known.flatMap(({ one }, index) => (resolved[index] ? [[one, resolved[index].lead.id] as const] : [])));
}

const LONGEST_NAME = 500;

/** Many a telephone shows its number as its name. */
function nameOf(shown: string | null): string {
  const name = (shown ?? "").replace(/\p{Cc}/gu, " ").trim();
  return /\p{L}/u.test(name) && name.toLowerCase() !== ANONYMOUS ? storableText(name.slice(0, LONGEST_NAME)) : "";
}

const toRow = ({ door, arrival, holdsChannel, detail }: Taken, leadId: string | null) => ({
  workspace_id: door.workspace_id,
  id: newId(),
  agent_id: door.agent_id,
  agent_version: door.agent_version,
  lead_id: leadId,
  from_number: arrival.from ?? ANONYMOUS,
  to_number: arrival.to,
  trunk_id: arrival.trunkId,
  holds_channel: holdsChannel,
  node_id: arrival.nodeId,
  decision_id: newId(),
  detail,
  now: arrival.now,
});

async function write(client: Client, rows: ReadonlyArray<ReturnType<typeof toRow>>): Promise<Call[]> {
  return (await client.query<Call>({ name: "write-incoming-calls", text: WRITE, values: [JSON.stringify(rows)] })).rows;
}

/** Rings from the moment it comes in. */
const WRITE = `
  with d as (
    select * from json_to_recordset($1::json) as d(workspace_id uuid, id uuid, agent_id uuid, agent_version integer, lead_id uuid,
      from_number text, to_number text, trunk_id uuid, holds_channel boolean, node_id uuid, decision_id uuid, detail jsonb, now timestamptz)
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, id, decision_id, 'admitted', 'capacity_free', detail, now from d
  ), leased as (
    insert into live_calls (workspace_id, call_id, node_id, trunk_id, holds_channel)
    select workspace_id, id, node_id, trunk_id, holds_channel from d
  ), counted as (
    update workspace_capacity c set in_use = c.in_use + n.leases
    from (select workspace_id, count(*)::integer as leases from d group by workspace_id) n
    where c.workspace_id = n.workspace_id
  )
  insert into calls (workspace_id, id, agent_id, agent_version, lead_id, direction, from_number, to_number, status, trunk_id,
    created_at, started_at, rang_at, updated_at)
  select workspace_id, id, agent_id, agent_version, lead_id, 'inbound', from_number, to_number, 'ringing', trunk_id, now, now, now, now
  from d
  returning *`;
