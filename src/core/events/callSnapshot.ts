import type { Call } from "../calls/row.ts";

/** What a call event tells: the call as it was at that moment. Neutral; each dialect words it in its own terms. */
export interface CallSnapshot {
  agent_id: string;
  direction: Call["direction"];
  from_number: string;
  to_number: string;
  status: Call["status"];
  outcome: Call["outcome"];
  answered_by: Call["answered_by"];
  ended_by: Call["ended_by"];
  disconnect_reason: string | null;
  /** Whole seconds from answer to end; 0 when nobody answered, null while the call is not over. */
  duration_seconds: number | null;
  error: string | null;
  dnc_entry_id: string | null;
  dnc_reason: string | null;
  /** The call had waited for capacity when this happened. */
  queued: boolean;
  /** What the line said, with hosts and addresses of trunks: for the operator alone, in no dialect. */
  line_detail?: string;
}

export function snapshotCall(call: Call, queued: boolean): CallSnapshot {
  return {
    agent_id: call.agent_id,
    direction: call.direction,
    from_number: call.from_number,
    to_number: call.to_number,
    status: call.status,
    outcome: call.outcome,
    answered_by: call.answered_by,
    ended_by: call.ended_by,
    disconnect_reason: call.disconnect_reason,
    duration_seconds: durationSeconds(call),
    error: call.error,
    dnc_entry_id: call.dnc_entry_id,
    dnc_reason: call.dnc_reason,
    queued,
  };
}

/** Whole seconds from answer to end; 0 when nobody answered, null while the call is not over. */
export function durationSeconds({ answered_at, ended_at }: Pick<Call, "answered_at" | "ended_at">): number | null {
  if (!ended_at) return null;
  return answered_at ? Math.max(0, Math.round((ended_at.getTime() - answered_at.getTime()) / 1000)) : 0;
}
