import { newId } from "../../platform/ids.ts";
import type { Client } from "../../platform/postgres/database.ts";
import { recordCallEvents } from "../events/recordCallEvents.ts";
import type { JsonObject } from "../tables.ts";
import type { Call } from "./row.ts";

/** A call that leaves the queue without ever being dialled. */
export interface QueuedEnd {
  workspaceId: string;
  callId: string;
  outcome: "dnc_blocked" | "expired";
  /** Of the decision record. */
  reason: string;
  detail: JsonObject;
  disconnectReason: string;
  error: string | null;
  dncEntryId: string | null;
  dncReason: string | null;
  at: Date;
}

/**
 * Ends queued calls inside the caller's transaction, with decision and event. One that is queued no more stays as it is; the
 * calls that were ended are the answer. Whoever holds a row of `queued_calls` locked decides about its call.
 */
export async function endQueuedCalls(client: Client, ends: readonly QueuedEnd[]): Promise<Call[]> {
  if (ends.length === 0) return [];
  const { rows: calls } = await client.query<Call>({
    name: "end-queued-calls",
    text: END,
    values: [JSON.stringify(ends.map(toRow))],
  });
  await recordCallEvents(
    client,
    calls.map((call) => ({
      type: call.outcome === "dnc_blocked" ? "call.dnc_blocked" : "call.failed",
      call,
      at: call.updated_at,
      queued: true,
    })),
  );
  return calls;
}

const toRow = (end: QueuedEnd) => ({
  workspace_id: end.workspaceId,
  call_id: end.callId,
  outcome: end.outcome,
  verdict: end.outcome === "dnc_blocked" ? "blocked" : "expired",
  reason: end.reason,
  detail: end.detail,
  disconnect_reason: end.disconnectReason,
  error: end.error,
  dnc_entry_id: end.dncEntryId,
  dnc_reason: end.dncReason,
  at: end.at,
  decision_id: newId(),
});

const END = `
  with e as (
    select * from json_to_recordset($1::json) as e(workspace_id uuid, call_id uuid, outcome text, verdict text, reason text,
      detail jsonb, disconnect_reason text, error text, dnc_entry_id uuid, dnc_reason text, at timestamptz, decision_id uuid)
  ), gone as (
    delete from queued_calls q using e where q.workspace_id = e.workspace_id and q.call_id = e.call_id
    returning e.*
  ), ended as (
    update calls c set status = 'ended', outcome = g.outcome, ended_by = 'system', disconnect_reason = g.disconnect_reason,
      error = g.error, dnc_entry_id = g.dnc_entry_id, dnc_reason = g.dnc_reason, ended_at = g.at, updated_at = g.at
    from gone g where c.workspace_id = g.workspace_id and c.id = g.call_id and c.status = 'queued'
    returning c.*
  ), decided as (
    insert into call_decisions (workspace_id, call_id, id, verdict, reason, detail, created_at)
    select workspace_id, call_id, decision_id, verdict, reason, detail, at from gone
  )
  select * from ended`;
