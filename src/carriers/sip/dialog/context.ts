import type { Log } from "../../../platform/log.ts";
import type { ServerTransaction, SipEndpoint, Source } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import type { Timing } from "./timing.ts";

/** What the calls of one user agent share. */
export interface CallContext {
  readonly endpoint: SipEndpoint;
  readonly log: Log;
  /** Session-Expires that we ask for. */
  readonly sessionExpiresSeconds: number;
  readonly minSeSeconds: number;
  readonly timing: Timing;
  /** Of User-Agent. */
  readonly software: string | undefined;
  /** Between 0 and 1, for the waiting of RFC 3261 14.1. */
  readonly random: () => number;
  /** As of DigestState. */
  readonly realms: Set<string>;
  /** Calls that are not over, by `callKey`. */
  readonly calls: Map<string, CallReceiver>;
  forget(key: string): void;
}

/** How long we wait where the transactions' 32 s are too long, in ms. */
export const PATIENCE = {
  /** For the end of an INVITE that was canceled. */
  cancelMs: 5_000,
  /** For the answer to a BYE. */
  byeMs: 5_000,
  /** For the first word about a transfer that was taken. */
  referMs: 30_000,
} as const;

/** Takes what comes with the Call-ID and our tag of one call. */
export interface CallReceiver {
  request(transaction: ServerTransaction): void;
  ack(ack: SipRequest): void;
  /** Whether the other side is met there. */
  meets(place: Source): boolean;
  hangup(): void;
}

export const callKey = (callId: string, ourTag: string): string => `${callId}\n${ourTag}`;
