/**
 * A call's life:
 *
 *     queued ──► admitted ──► ringing ──► in_progress ──► ended
 *       │           │            └──────────────────────────▲
 *       └───────────┴───────────────────────────────────────┘
 *
 * queued: waits for capacity. admitted: holds a lease, no voice node has taken it yet. ringing: dialled. Only `ended` has an
 * outcome. Every step is a conditional write, so a call takes each step once, whoever tries.
 */
export type CallStatus = "queued" | "admitted" | "ringing" | "in_progress" | "ended";

export type CallOutcome =
  | "completed"
  | "voicemail"
  | "no_answer"
  | "busy"
  | "declined"
  | "unreachable"
  | "failed"
  | "canceled"
  | "expired"
  | "dnc_blocked";

/** Who ended the call; the first to end it counts. */
export type EndedBy = "caller" | "agent" | "system" | "unknown";

/** One thing said; times in seconds from the answer. */
export interface TranscriptTurn {
  role: "agent" | "user";
  text: string;
  start: number;
  end: number;
}
