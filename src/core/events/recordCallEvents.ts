import { newId } from "../../platform/ids.ts";
import type { Client } from "../../platform/postgres/database.ts";
import { storableText } from "../../platform/postgres/storableText.ts";
import type { Call } from "../calls/row.ts";
import { enqueueDeliveries } from "../webhooks/enqueueDeliveries.ts";
import { snapshotCall } from "./callSnapshot.ts";

export const CALL_EVENTS = ["call.started", "call.answered", "call.ended", "call.no_answer", "call.failed", "call.dnc_blocked"] as const;

export type CallEventType = (typeof CALL_EVENTS)[number];

export interface CallEvent {
  type: CallEventType;
  /** As it is once this has happened. */
  call: Call;
  at: Date;
  /** The call had waited for capacity. */
  queued?: boolean;
  lineDetail?: string | undefined;
}

/** The wording that an agent's own webhook gets: `webhook_url` is a notion of that dialect. */
const AGENT_WEBHOOK_FORMAT = "yappr";

/**
 * Writes what happened to calls, of any number of workspaces, inside the transaction that made it happen; and for each event
 * that the call's version of its agent wants told, a webhook delivery and the job that sends it. Two statements when somebody
 * listens, one when nobody does.
 */
export async function recordCallEvents(client: Client, events: readonly CallEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ type, call, at, queued = false, lineDetail }) => ({
    workspace_id: call.workspace_id,
    id: newId(),
    type,
    subject_id: call.id,
    agent_id: call.agent_id,
    agent_version: call.agent_version,
    payload: { ...snapshotCall(call, queued), ...(lineDetail === undefined ? {} : { line_detail: storableText(lineDetail) }) },
    at,
    delivery_id: newId(),
  }));
  const { rows: deliveries } = await client.query<{ workspace_id: string; id: string }>({
    name: "record-call-events",
    text: RECORD,
    values: [JSON.stringify(rows)],
  });
  await enqueueDeliveries(client, deliveries);
}

/** Each version's settings are read once, however many of its calls are in the batch. */
const RECORD = `
  with happened as (
    select * from json_to_recordset($1::json) as e(workspace_id uuid, id uuid, type text, subject_id uuid, agent_id uuid,
      agent_version integer, payload jsonb, at timestamptz, delivery_id uuid)
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, id, type, subject_id, payload, at from happened
  ), listener as materialized (
    select v.workspace_id, v.agent_id, v.version, wanted.*
    from (select distinct workspace_id, agent_id, agent_version from happened) h
    join agent_versions v on v.workspace_id = h.workspace_id and v.agent_id = h.agent_id and v.version = h.agent_version
    cross join lateral jsonb_to_record(v.settings) as wanted(webhook_url text, webhook_events jsonb, webhook_headers jsonb)
    where wanted.webhook_url is not null
  )
  insert into webhook_deliveries (workspace_id, id, event_id, event_type, format, url, headers, status, created_at, updated_at)
  select h.workspace_id, h.delivery_id, h.id, h.type, '${AGENT_WEBHOOK_FORMAT}', l.webhook_url, coalesce(nullif(l.webhook_headers, 'null'), '{}'),
    'pending', h.at, h.at
  from happened h
  join listener l on l.workspace_id = h.workspace_id and l.agent_id = h.agent_id and l.version = h.agent_version
  where coalesce(nullif(l.webhook_events, 'null') ? h.type, true)
  returning workspace_id, id`;
