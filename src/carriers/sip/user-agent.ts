import type { SipEnd } from "../carrier.ts";
import type { RequestFailure, Source, Target } from "./endpoint.ts";
import type { MediaSession } from "./media/media.ts";
import type { NameAddr, SipRequest, SipResponse, Uri } from "./message/message.ts";
import type { LocalAudio } from "./sdp/negotiation.ts";

/** Calls and single requests over an endpoint: dialogs, offer and answer, digest (RFC 3261 12 to 15, 22, and what extends them). */
export interface UserAgent {
  /** Places a call. Never throws; what becomes of it is told to the handler, never before this has returned. */
  invite(options: InviteOptions, handler: SipCallHandler): SipCall;
  /** A request outside of a call, such as OPTIONS or REGISTER, with credentials when asked for them. */
  request(options: RequestOptions): Promise<RequestOutcome>;
  /** Calls that are not over. */
  readonly size: number;
  /** Hangs up every call and waits for them, no longer than `withinMs`. */
  close(withinMs: number): Promise<void>;
}

export interface Credentials {
  username: string;
  password: string;
}

/** Its address is where the other side reaches us. */
export type CallAudio = Omit<LocalAudio, "address">;

export interface InviteOptions {
  target: Target;
  uri: Uri;
  from: NameAddr;
  to: NameAddr;
  credentials?: Credentials;
  /** Further header fields, such as P-Asserted-Identity. */
  headers?: ReadonlyArray<readonly [name: string, value: string]>;
  media: MediaSession;
  audio: CallAudio;
  /** Given up with CANCEL after this long without an answer. */
  ringTimeoutMs: number;
  /** Of the first answer of any kind, 100 included, the way there and all; shorter than timer B so that another gateway can be tried. */
  firstResponseTimeoutMs: number;
}

export interface RequestOptions {
  method: string;
  target: Target;
  uri: Uri;
  from: NameAddr;
  to: NameAddr;
  /** Kept over refreshes of one registration; else made up. */
  callId?: string;
  /** Of the first try; 1 when not given. */
  sequence?: number;
  credentials?: Credentials;
  headers?: ReadonlyArray<readonly [name: string, value: string]>;
  timeoutMs: number;
  /** Aborted: given up at once, told as a timeout. */
  signal?: AbortSignal;
}

/** `sequence`: the last one used. */
export type RequestOutcome = { response: SipResponse; sequence: number } | { failure: RequestFailure; sequence: number };

/** An outgoing call, or an incoming one that was accepted. */
export interface SipCall {
  readonly callId: string;
  /** CANCEL, BYE, or a refusal, as its state asks; in every race the call ends. */
  hangup(): void;
  /** Blind transfer with REFER (RFC 3515); resolves with the last NOTIFY's status line, or why there was none. */
  refer(to: Uri): Promise<{ accepted: boolean; detail: string }>;
}

/** Told in this order: ringing*, answered?, transferred?, ended. */
export interface SipCallHandler {
  /** 180, or 183: `early` when there is audio to be heard before the answer. */
  ringing(early: boolean): void;
  answered(): void;
  /** Exactly once and last. The media session is closed by its owner, not here. */
  ended(end: SipCallEnd): void;
}

export interface SipCallEnd extends SipEnd {
  /**
   * `rejected`: a final answer of 300 and above; `unreachable`: no answer at all; `canceled`: by us or, incoming, by them;
   * `no_answer`: our ring timeout; `bye_received`, `bye_sent`; `transferred`; `lost`: session timer, no ACK, no media; `failed`: on our side.
   */
  why: "rejected" | "unreachable" | "canceled" | "no_answer" | "bye_received" | "bye_sent" | "transferred" | "lost" | "failed";
  /** In words, for people. */
  detail: string;
  answered: boolean;
  /** Of a 503 with Retry-After (RFC 3261 20.33). */
  retryAfterSeconds?: number;
}

/** Who may call us, and with what. Asked for each INVITE outside of a dialog. */
export type IncomingInvite = {
  readonly request: SipRequest;
  readonly source: Source;
  /** Asks for credentials: 401 with a challenge for `realm` (MD5 and SHA-256). The next try comes as another IncomingInvite. */
  challenge(realm: string): void;
  /** What the request's Authorization claims, when it answers a challenge of ours; its nonce is fresh. */
  readonly claimedUsername: string | null;
  /** What that claim was made for: the Request-URI, unless a proxy has rewritten it since, or somebody has overheard the claim. */
  readonly claimedUri: Uri | null;
  /** Checks that claim. */
  verify(credentials: Credentials): boolean;
  /** Refuses somebody unknown: nothing is kept of it, and the same INVITE again comes as another IncomingInvite. */
  turnAway(status: number): void;
  reject(status: number, reason?: string, headers?: ReadonlyArray<readonly [name: string, value: string]>): void;
  /**
   * Answers with 200 and an SDP answer (or an offer, when the INVITE had none). What cannot be agreed on is refused with 488
   * and told as `ended`. `credentials`: for a realm that has asked for them from there before, if it asks within the call.
   */
  accept(options: { media: MediaSession; audio: CallAudio; credentials?: Credentials }, handler: SipCallHandler): SipCall;
  /** The caller gave up, or the transaction died, before anything was decided; at most once. */
  onGone(listener: () => void): void;
};
