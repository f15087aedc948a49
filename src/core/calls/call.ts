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

/** What an answered call's audio met on the network, as we received it, and as the other side told of ours (RFC 3550). */
export interface MediaQuality {
  codec: "PCMA" | "PCMU";
  packets_sent: number;
  packets_received: number;
  /** Packets that never came, or too late to be played. */
  packets_lost: number;
  jitter_ms: number;
  /** Of our packets, as the other side reports; null without reports. */
  remote_packets_lost: number | null;
  remote_jitter_ms: number | null;
  round_trip_ms: number | null;
  /** Estimated mean opinion score, 1.0 to 4.5 (ITU-T G.107, for what we heard). */
  mos: number;
}
