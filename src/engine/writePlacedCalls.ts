import type { Call } from "../core/calls/row.ts";
import { newId } from "../platform/ids.ts";
import type { Client } from "../platform/postgres/database.ts";
import type { CallRequest, PlacedCall, Verdict } from "./placed-call.ts";

export interface Placement {
  request: CallRequest;
  agentVersion: number;
  leadId: string | null;
  /** Null: the simulated carrier. */
  trunkId: string | null;
  /** A channel of the trunk is counted for it. */
  holdsChannel: boolean;
  verdict: Verdict;
  call: PlacedCall;
}

/** One whose agent and caller ID are there to be used. */
export type KnownRequest = Pick<Placement, "request" | "agentVersion" | "leadId" | "trunkId">;

export const PLACE_CALL = "place_call";

/** yappr 1.5. */
const RETENTION_MS = 8 * 24 * 3_600_000;

/**
 * Writes calls with their decisions, leases, places in the queue and idempotent results, in one statement under the capacity
 * lock. Returns those that ended at once because they are blocked.
 */
export async function writePlacedCalls(client: Client, placements: readonly Placement[]): Promise<Call[]> {
  const { rows } = await client.query<Call>({ name: "write-placed-calls", text: WRITE, values: [JSON.stringify(placements.map(toRow))] });
  return rows;
}

function toRow({ request, agentVersion, leadId, trunkId, holdsChannel, verdict, call }: Placement, place: number) {
  const { idempotency } = request;
  return {
    place,
    workspace_id: request.workspaceId,
    id: call.id,
    agent_id: call.agentId,
    agent_version: agentVersion,
    lead_id: leadId,
    trunk_id: trunkId,
    holds_channel: holdsChannel,
    from_number: call.from,
    to_number: call.to,
    variables: request.variables,
    metadata: request.metadata,
    created_at: call.createdAt,
    expires_at: call.status === "queued" ? call.expiresAt : null,
    dnc_entry_id: verdict.verdict === "blocked" ? verdict.entry.id : null,
    dnc_reason: verdict.verdict === "blocked" ? verdict.entry.reason : null,
    decision_id: newId(),
    verdict: verdict.verdict,
    reason: verdict.reason,
    detail: verdict.detail,
    key: idempotency?.key ?? null,
    request_hash: idempotency?.requestHash.toString("hex") ?? null,
    result: idempotency ? call : null,
    key_expires_at: idempotency ? new Date(request.now.getTime() + RETENTION_MS) : null,
  };
}

/** A key that is written here is locked (`claimKeys`), so one that is there already has expired. */
const WRITE = `
  with d as (
    select * from json_to_recordset($1::json) as d(place integer, workspace_id uuid, id uuid, agent_id uuid, agent_version integer,
      lead_id uuid, trunk_id uuid, holds_channel boolean, from_number text, to_number text, variables jsonb, metadata jsonb,
      created_at timestamptz, expires_at timestamptz, dnc_entry_id uuid, dnc_reason text, decision_id uuid, verdict text, reason text, detail jsonb, key text, request_hash text,
      result json, key_expires_at timestamptz)
  ), placed as (
    insert into calls (workspace_id, id, agent_id, agent_version, lead_id, direction, from_number, to_number, status, outcome, ended_by,
      disconnect_reason, dnc_entry_id, dnc_reason, variables, metadata, created_at, expires_at, ended_at, updated_at, trunk_id)
    select workspace_id, id, agent_id, agent_version, lead_id, 'outbound', from_number, to_number,
      case verdict when 'blocked' then 'ended' else verdict end,
      case verdict when 'blocked' then 'dnc_blocked' end,
      case verdict when 'blocked' then 'system' end,
      case verdict when 'blocked' then 'Do not call' end,
      dnc_entry_id, dnc_reason, variables, metadata, created_at, expires_at,
      case verdict when 'blocked' then created_at end, created_at, trunk_id
    from d order by place
    returning *
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, id, decision_id, verdict, reason, detail, created_at from d
  ), leased as (
    insert into live_calls (workspace_id, call_id, trunk_id, holds_channel)
    select workspace_id, id, trunk_id, holds_channel from d where verdict = 'admitted'
  ), counted as (
    update workspace_capacity c set in_use = c.in_use + a.leases
    from (select workspace_id, count(*)::integer as leases from d where verdict = 'admitted' group by workspace_id) a
    where c.workspace_id = a.workspace_id
  ), waiting as (
    insert into queued_calls (workspace_id, call_id, expires_at, trunk_id)
    select workspace_id, id, expires_at, trunk_id from d where verdict = 'queued' order by place
  ), remembered as (
    insert into idempotency_keys (workspace_id, operation, key, request_hash, result, created_at, expires_at)
    select workspace_id, '${PLACE_CALL}', key, decode(request_hash, 'hex'), result, created_at, key_expires_at from d where key is not null
    on conflict (workspace_id, operation, key) do update set request_hash = excluded.request_hash, result = excluded.result,
      created_at = excluded.created_at, expires_at = excluded.expires_at
  )
  select * from placed where status = 'ended'`;
