import type { SipEnd } from "../carriers/carrier.ts";
import type { CallOutcome, EndedBy, MediaQuality, TranscriptTurn } from "../core/calls/call.ts";
import type { Call } from "../core/calls/row.ts";
import { assertNever } from "../core/errors.ts";
import { type CallEventType, recordCallEvents } from "../core/events/recordCallEvents.ts";
import type { JsonObject } from "../core/tables.ts";
import { newId } from "../platform/ids.ts";
import type { Client } from "../platform/postgres/database.ts";
import type { GroupRun } from "../platform/postgres/group-commit.ts";
import { storableText } from "../platform/postgres/storableText.ts";
import { releaseCapacity } from "./capacity.ts";

/** How a call that holds a lease ends. */
export interface CallEnd {
  workspaceId: string;
  callId: string;
  /** Who holds the lease; null: nobody has taken it yet. */
  nodeId: string | null;
  outcome: CallOutcome;
  endedBy: EndedBy;
  /** For people (yappr 7.2). */
  disconnectReason: string;
  error?: string;
  /** For the operator alone. */
  lineDetail?: string;
  transcript?: readonly TranscriptTurn[];
  rangAt?: Date | undefined;
  sip?: SipEnd | undefined;
  quality?: MediaQuality | undefined;
  transferred?: { to: string; at: Date } | undefined;
  /** When the Do-Not-Call list ends it. */
  blocked?: { entryId: string; entryReason: string | null; reason: string; detail: JsonObject };
  at: Date;
}

/**
 * Ends calls and gives their leases back in one transaction. False for a call whose lease is not the node's (any more):
 * somebody else has ended it, and nothing is changed.
 */
export const endCalls: GroupRun<CallEnd, boolean> = async (client, ends) => {
  const ended = new Set((await endLeasedCalls(client, ends)).map(({ id }) => id));
  return ends.map(({ callId }) => ended.has(callId));
};

/** The same inside a transaction that goes on: the workspaces' capacity, and that of their trunks, stays locked until it ends. */
export async function endLeasedCalls(client: Client, ends: readonly CallEnd[]): Promise<Call[]> {
  if (ends.length === 0) return [];
  const { rows } = await client.query<Call & { holds_channel: boolean }>({
    name: "end-calls",
    text: END,
    values: [JSON.stringify(ends.map(toRow), storable)],
  });
  const details = new Map(ends.map(({ callId, lineDetail }) => [callId, lineDetail]));
  const calls: Call[] = rows.map(({ holds_channel, ...call }) => call);
  await recordCallEvents(
    client,
    calls.map((call) => ({
      type: endEvent(call.outcome ?? "failed"),
      call,
      at: call.updated_at,
      lineDetail: details.get(call.id),
    })),
  );
  await releaseCapacity(
    client,
    rows.map(({ workspace_id: workspaceId, trunk_id, holds_channel }) => ({ workspaceId, channelOf: holds_channel ? trunk_id : null })),
  );
  return calls;
}

/** yappr 9.1. */
function endEvent(outcome: CallOutcome): CallEventType {
  switch (outcome) {
    case "completed":
    case "voicemail":
      return "call.ended";
    case "no_answer":
    case "busy":
    case "declined":
      return "call.no_answer";
    case "unreachable":
    case "failed":
    case "canceled":
    case "expired":
      return "call.failed";
    case "dnc_blocked":
      return "call.dnc_blocked";
    default:
      return assertNever(outcome);
  }
}

/** Words of a gateway or of a speech recogniser must not keep a call from ending. */
const storable = (_key: string, value: unknown): unknown => (typeof value === "string" ? storableText(value) : value);

const toRow = ({ blocked, sip, quality, transferred, ...end }: CallEnd) => ({
  workspace_id: end.workspaceId,
  call_id: end.callId,
  node_id: end.nodeId,
  outcome: end.outcome,
  ended_by: end.endedBy,
  disconnect_reason: end.disconnectReason,
  error: end.error ?? null,
  transcript: end.transcript ?? [],
  rang_at: end.rangAt ?? null,
  sip_status: sip?.status ?? null,
  sip_reason: sip?.reason ?? null,
  q850_cause: sip?.q850 ?? null,
  media_quality: quality ?? null,
  transferred_at: transferred?.at ?? null,
  transfer_target: transferred?.to ?? null,
  dnc_entry_id: blocked?.entryId ?? null,
  dnc_reason: blocked?.entryReason ?? null,
  decision_id: blocked ? newId() : null,
  decision_reason: blocked?.reason ?? null,
  decision_detail: blocked?.detail ?? null,
  at: end.at,
});

/** A lease and its call are written only together, so a call whose lease was there is one that has not ended. */
const END = `
  with e as (
    select * from json_to_recordset($1::json) as e(workspace_id uuid, call_id uuid, node_id uuid, outcome text, ended_by text,
      disconnect_reason text, error text, transcript jsonb, rang_at timestamptz, sip_status integer, sip_reason text, q850_cause integer,
      media_quality jsonb, transferred_at timestamptz, transfer_target text, dnc_entry_id uuid, dnc_reason text, decision_id uuid,
      decision_reason text, decision_detail jsonb, at timestamptz)
  ), freed as (
    delete from live_calls l using e
    where l.workspace_id = e.workspace_id and l.call_id = e.call_id and l.node_id is not distinct from e.node_id
    returning e.*, l.holds_channel
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, call_id, decision_id, 'blocked', decision_reason, decision_detail, at from freed where decision_id is not null
  )
  update calls c set status = 'ended', outcome = f.outcome, ended_by = f.ended_by, disconnect_reason = f.disconnect_reason,
    error = f.error, transcript = f.transcript, dnc_entry_id = f.dnc_entry_id, dnc_reason = f.dnc_reason, ended_at = f.at, updated_at = f.at,
    rang_at = coalesce(c.rang_at, f.rang_at), sip_status = f.sip_status, sip_reason = f.sip_reason, q850_cause = f.q850_cause,
    media_quality = nullif(f.media_quality, 'null'), transferred_at = f.transferred_at, transfer_target = f.transfer_target
  from freed f where c.workspace_id = f.workspace_id and c.id = f.call_id
  returning c.*, f.holds_channel`;
