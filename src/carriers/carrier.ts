import type { MediaQuality } from "../core/calls/call.ts";

/**
 * What reaches telephones. The engine knows only this port; behind it is the simulator, or a telephone network.
 *
 * A leg's life, told to its handler in this order, and never before `dial` or `accept` has returned:
 *
 *     dial ──► (ringing) ──► (answered) ──► (digit | transferred)* ──► ended
 *     accept ──────────────► (answered) ──► ...
 *
 * `ended` comes exactly once and last, whatever happened; after it the leg holds no timer, listener or channel.
 */
export interface Carrier {
  dial(request: DialRequest, handler: LegHandler): Leg;
}

export interface DialRequest {
  callId: string;
  /** Null: the simulated carrier. */
  trunkId: string | null;
  /** E.164. */
  from: string;
  to: string;
  /** The carrier gives up after ringing for this long. */
  ringTimeoutSeconds: number;
}

export interface Leg {
  /** Ends the leg in whatever state it is; `ended` follows within seconds. Again, or after the end: nothing. */
  hangup(): void;
  /**
   * Hands the other party of an answered leg over to a number (E.164) without asking that number first. `accepted`: the other
   * side takes it from here, and the leg ends. Otherwise the leg goes on as before.
   */
  transfer(to: string): Promise<TransferResult>;
}

export type TransferResult = { accepted: true } | { accepted: false; detail: string };

export interface LegHandler {
  ringing(): void;
  /** `by`: what the carrier itself knows of who picked up. */
  answered(media: Media, by: AnsweredBy): void;
  ended(end: LegEnd): void;
}

/** A call that comes in. Exactly one of its methods is called, once; soon, because somebody hears it ring. */
export interface IncomingCall {
  trunkId: string;
  /** E.164; null when the caller does not show a number, or none that can be read. */
  from: string | null;
  /** The name the caller shows. */
  fromName: string | null;
  /** E.164. */
  to: string;
  reject(reason: RejectReason): void;
  /** Answers. The leg may have been given up meanwhile: then `ended` says so without `answered`. `callId`: for the log. */
  accept(handler: LegHandler, callId?: string): Leg;
}

/** `unknown_number`: nobody here has it. `full`: no capacity. `unavailable`: this node cannot take it now; another one may. */
export type RejectReason = "unknown_number" | "full" | "unavailable" | "blocked";

export type AnsweredBy = "human" | "machine" | "unknown";

/**
 * Why a leg is over. Unanswered: `no_answer` (rang to the end), `busy`, `declined` (the person refused), `unreachable` (no such
 * or no connected number), `canceled` (hung up by us while ringing, or by the caller before we answered). Answered: `hangup` (by
 * the other party), `hangup_local` (by us), `transferred` (handed over), `lost` (the connection broke). `failed`: the carrier
 * could not do its part.
 */
export type LegCause =
  | "no_answer"
  | "busy"
  | "declined"
  | "unreachable"
  | "canceled"
  | "hangup"
  | "hangup_local"
  | "transferred"
  | "lost"
  | "failed";

export interface LegEnd {
  cause: LegCause;
  /** The carrier's own words for the operator, such as "486 Busy Here" or "udp:sip.example.com:5060: timed out". */
  detail?: string;
  /** The same for the tenant, without the operator's hosts and addresses; not given: `detail` has none. */
  told?: string;
  /** What the telephone network said. */
  sip?: SipEnd;
  /** Of an answered leg with audio. */
  quality?: MediaQuality;
}

export interface SipEnd {
  /** The final answer to the INVITE. */
  status: number | null;
  /** Its reason phrase, or the text of a Reason header (RFC 3326). */
  reason: string | null;
  /** ITU-T Q.850 cause, from a Reason header. */
  q850: number | null;
}

/** The two directions of an answered leg; a conversation says which kinds it can use by looking at `kind`. */
export type Media = TextMedia | AudioMedia;

/** Lines of text, which the simulator carries. */
export interface TextMedia {
  kind: "text";
  /** Speaks a line; resolves when it has been said to its end, or earlier when the leg is over. */
  say(text: string): Promise<void>;
  /** The next thing that the other party says; undefined once the leg is over or `signal` is aborted. */
  hear(signal: AbortSignal): Promise<Utterance | undefined>;
}

export interface Utterance {
  text: string;
  startedAt: Date;
  endedAt: Date;
}

export const SAMPLE_RATE = 8_000;
export const FRAME_MS = 20;
/** Samples in a frame. */
export const FRAME_SAMPLES = 160;

/**
 * Sound: mono, 16-bit linear PCM, 8 kHz. Both directions run in frames of 20 ms on one clock, from the answer on. All methods
 * may be called after the leg has ended; they then do nothing and everything awaited resolves.
 */
export interface AudioMedia {
  kind: "audio";
  /**
   * Every 20 ms, what is heard and what was said in that frame, in step, every frame once and in order; several at once after the
   * process stood still. What was lost on the way is concealed and comes in its place; silence is zeros. The frame and its arrays
   * are valid until the listener returns, then they are used again: copy what is kept, also over an `await`. What a listener plays
   * is said from the next frame on. Listeners share their 20 ms with those of every other call: work that takes long belongs
   * elsewhere. What one throws is logged, and the call goes on. Returns what ends the listening, at once.
   */
  onFrame(listener: (frame: AudioFrame) => void): () => void;
  /** Each key press of the other party once, when it begins: 0-9, *, #, A-D. Returns what ends the listening. */
  onDigit(listener: (digit: string) => void): () => void;
  /**
   * Puts samples, any number of them, behind those still to be said. They are not copied: nothing may change them until they have
   * been said or dropped.
   */
  play(samples: Int16Array): void;
  /** Drops what has not been said yet: the other party interrupts. */
  clear(): void;
  /** Resolves once nothing is left to be said, because it was said, was cleared, or the leg is over. */
  drained(): Promise<void>;
  /** Counted from the answer, and without the silence between: what `play` was given so far has been said up to `played`. */
  position(): { playedSamples: number; waitingSamples: number };
  /** Presses keys; resolves when the last one has been released, or the leg is over. Throws TypeError for what is not a key. */
  sendDigits(digits: string): Promise<void>;
}

export interface AudioFrame {
  /** Of the frame's first sample, since the answer. It jumps when the process stood still for more than ten seconds. */
  readonly timestampMs: number;
  /** 160 samples each; for reading. */
  readonly heard: Int16Array;
  readonly said: Int16Array;
  /** `heard` is a guess, because the packet was lost. */
  readonly concealed: boolean;
}
