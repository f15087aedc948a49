import type { Log } from "../../../platform/log.ts";
import type { ServerTransaction, SipEndpoint } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";

/** What the calls of one user agent share. */
export interface CallContext {
  readonly endpoint: SipEndpoint;
  readonly log: Log;
  /** Session-Expires that we ask for. */
  readonly sessionExpiresSeconds: number;
  readonly minSeSeconds: number;
  readonly patience: Patience;
  /** Of User-Agent and Server. */
  readonly software: string | undefined;
  /** Between 0 and 1, for the waiting of RFC 3261 14.1. */
  readonly random: () => number;
  /** Calls that are not over, by `callKey`. */
  readonly calls: Map<string, CallReceiver>;
  forget(key: string): void;
}

/** How long we wait where the transactions' 32 s are too long, in ms. */
export interface Patience {
  /** For the end of an INVITE that was canceled. */
  cancelMs: number;
  /** For the answer to a BYE. */
  byeMs: number;
  /** For the first word about a transfer that was taken. */
  referMs: number;
}

export const PATIENCE: Patience = { cancelMs: 5_000, byeMs: 5_000, referMs: 30_000 };

/** Takes what comes with the Call-ID and our tag of one call. */
export interface CallReceiver {
  request(transaction: ServerTransaction): void;
  ack(ack: SipRequest): void;
  hangup(): void;
}

export const callKey = (callId: string, ourTag: string): string => `${callId}\n${ourTag}`;
