import type { CallOutcome, CallStatus } from "../../core/calls/call.ts";
import type { CallView } from "../../core/calls/call-view.ts";
import type { CallDetail } from "../../core/calls/getCall.ts";
import type { CallFilter } from "../../core/calls/listCalls.ts";
import { durationSeconds } from "../../core/events/callSnapshot.ts";
import type { PlacedCall } from "../../engine/placeCall.ts";
import { presentLead } from "./present-lead.ts";

/** yappr 7.2; `queued` is a status of queue entries there, and of the call itself here. */
export type WireStatus = "queued" | "ringing" | "in-progress" | "completed" | "failed" | "no_answer" | "dnc_blocked";

const OF_STATUS = {
  queued: "queued",
  admitted: "ringing",
  ringing: "ringing",
  in_progress: "in-progress",
} as const satisfies Record<Exclude<CallStatus, "ended">, WireStatus>;

const OF_OUTCOME = {
  completed: "completed",
  voicemail: "completed",
  no_answer: "no_answer",
  busy: "no_answer",
  declined: "no_answer",
  unreachable: "failed",
  failed: "failed",
  canceled: "failed",
  expired: "failed",
  dnc_blocked: "dnc_blocked",
} as const satisfies Record<CallOutcome, WireStatus>;

export const statusOf = ({ status, outcome }: Pick<CallView, "status" | "outcome">): WireStatus =>
  status === "ended" ? OF_OUTCOME[outcome ?? "failed"] : OF_STATUS[status];

const keysOf = <K extends string>(table: Readonly<Record<K, WireStatus>>, wanted: WireStatus): K[] =>
  // The keys of such a table are exactly K.
  (Object.keys(table) as K[]).filter((key) => table[key] === wanted);

/** Which calls have a status; without one, all but those that still wait in the queue. */
export function filterOfStatus(status: WireStatus | "in_progress" | undefined): Pick<CallFilter, "statuses" | "outcomes"> {
  if (status === undefined) return { statuses: ["admitted", "ringing", "in_progress", "ended"] };
  const wanted = status === "in_progress" ? "in-progress" : status;
  const outcomes = keysOf(OF_OUTCOME, wanted);
  return outcomes.length > 0 ? { outcomes } : { statuses: keysOf(OF_STATUS, wanted) };
}

type Placed<Status extends PlacedCall["status"]> = Extract<PlacedCall, { status: Status }>;

/** What POST /calls answers (yappr 7.1, seed 001). */
export const presentRinging = (call: Placed<"admitted">) => ({
  id: call.id,
  status: "ringing" as const,
  agent_id: call.agentId,
  from: call.from,
  to: call.to,
  created_at: call.createdAt.toISOString(),
  direction: "outbound" as const,
  metadata: call.metadata,
});

export const presentQueued = (call: Placed<"queued">) => ({
  id: call.id,
  status: "queued" as const,
  agent_id: call.agentId,
  to: call.to,
  from: call.from,
  queue_position: call.position,
  queued_at: call.createdAt.toISOString(),
  expires_at: call.expiresAt.toISOString(),
  message: "All lines are busy. The call is placed as soon as one is free.",
});

export const presentDncBlocked = (call: Placed<"dnc_blocked">) => ({
  call_id: call.id,
  status: "dnc_blocked" as const,
  agent_id: call.agentId,
  to: call.to,
  from: call.from,
  message: "The number is on the Do-Not-Call list. It was not called.",
  dnc_reason: call.dncReason,
  started_at: call.createdAt.toISOString(),
  ended_at: call.createdAt.toISOString(),
});

/** Where the recording of a call can be listened to. */
export type RecordingUrl = (call: Pick<CallView, "workspace_id" | "id">) => string;

/** A row of the list (yappr 7.3). A blocked call, which was never dialled, counts as started when it was refused (seed 001). */
export function presentCall(call: CallView, linkOf: RecordingUrl) {
  const startedAt = call.started_at ?? (call.outcome === "dnc_blocked" ? call.ended_at : null);
  return {
    id: call.id,
    agent_id: call.agent_id,
    from: call.from_number,
    to: call.to_number,
    direction: call.direction,
    status: statusOf(call),
    started_at: startedAt?.toISOString() ?? null,
    ended_at: call.ended_at?.toISOString() ?? null,
    duration_seconds: durationSeconds(call),
    created_at: call.created_at.toISOString(),
    ended_by: call.ended_by,
    disconnect_reason: call.disconnect_reason,
    transferred_at: call.transferred_at?.toISOString() ?? null,
    transfer_target: call.transfer_target,
    recording_url: call.recorded ? linkOf(call) : null,
    tool_calls_count: 0,
    flow_steps_count: 0,
    flow_tool_fires_count: 0,
    ...(call.lead?.owns_phone ? { lead: presentLead(call.lead) } : {}),
  };
}

/** yappr 7.4; `variables`, `decisions` and `line` are ours. */
export function presentCallDetail(call: CallDetail, linkOf: RecordingUrl) {
  return {
    ...presentCall(call, linkOf),
    metadata: call.metadata,
    variables: call.variables,
    ...(call.transcript.length > 0 ? { transcript: call.transcript } : {}),
    tool_calls: [],
    events: call.events.map(({ type, created_at, payload }) => ({
      type: EVENT_TYPES[type] ?? type.replace(".", "_"),
      timestamp: created_at.toISOString(),
      data: eventData(payload),
    })),
    line: presentLine(call),
    decisions: call.decisions.map(({ verdict, reason, detail, created_at }) => ({
      verdict,
      reason,
      detail,
      created_at: created_at.toISOString(),
    })),
  };
}

/** What the call met on the telephone network. */
const presentLine = (call: CallDetail) => ({
  rang_at: call.rang_at?.toISOString() ?? null,
  answered_at: call.answered_at?.toISOString() ?? null,
  error: call.error,
  sip_status: call.sip_status,
  sip_reason: call.sip_reason,
  q850_cause: call.q850_cause,
  media_quality: call.media_quality && { ...call.media_quality },
});

/** The types of yappr 7.4 where there is one; the others keep the name of their webhook event. */
const EVENT_TYPES: Readonly<Record<string, string>> = {
  "call.started": "call_initiated",
  "call.ended": "call_ended",
  "call.no_answer": "call_ended",
  "call.failed": "error",
};

/** Of what is known of the moment, what tells something about it. */
function eventData(payload: Record<string, unknown>): Record<string, unknown> {
  const told = ["ended_by", "disconnect_reason", "duration_seconds", "error", "answered_by", "dnc_entry_id", "dnc_reason", "queued"];
  return Object.fromEntries(told.filter((name) => payload[name] != null && payload[name] !== false).map((name) => [name, payload[name]]));
}
