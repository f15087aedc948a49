/**
 * What dials. The engine knows only this port; behind it is the simulator, or a telephone network.
 *
 * A leg's life, told to its handler in this order, and never before `dial` has returned:
 *
 *     dial ──► (ringing) ──► (answered) ──► ended
 *
 * `ended` comes exactly once and last, whatever happened; after it the leg holds no timer, listener or channel.
 */
export interface Carrier {
  dial(request: DialRequest, handler: LegHandler): Leg;
}

export interface DialRequest {
  callId: string;
  /** E.164. */
  from: string;
  to: string;
  /** The carrier gives up after ringing for this long. */
  ringTimeoutSeconds: number;
}

export interface Leg {
  /** Ends the leg in whatever state it is; `ended` follows within seconds. Again, or after the end: nothing. */
  hangup(): void;
}

export interface LegHandler {
  ringing(): void;
  /** `by`: what the carrier itself knows of who picked up. */
  answered(media: Media, by: AnsweredBy): void;
  ended(end: LegEnd): void;
}

export type AnsweredBy = "human" | "machine" | "unknown";

/**
 * Why a leg is over. Unanswered: `no_answer` (rang to the end), `busy`, `declined` (the person refused), `unreachable` (no such
 * or no connected number), `canceled` (hung up by us while ringing). Answered: `hangup` (by the callee), `hangup_local` (by us),
 * `lost` (the connection broke). `failed`: the carrier could not do its part.
 */
export type LegCause = "no_answer" | "busy" | "declined" | "unreachable" | "canceled" | "hangup" | "hangup_local" | "lost" | "failed";

export interface LegEnd {
  cause: LegCause;
  /** The carrier's own words, such as a SIP status line. */
  detail?: string;
}

/**
 * The two directions of an answered leg. One kind so far: lines of text, which the simulator carries. A telephone network will
 * add a second kind with PCM frames, DTMF, the position of playback and a way to cut it short; a conversation says which kinds
 * it can use by looking at `kind`.
 */
export type Media = TextMedia;

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
