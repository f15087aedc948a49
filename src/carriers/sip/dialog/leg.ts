import type { MediaSession } from "../media/media.ts";
import type { SipResponse } from "../message/message.ts";
import type { Negotiation } from "../sdp/negotiation.ts";
import type { SipCallEnd } from "../user-agent.ts";
import type { CallContext } from "./context.ts";
import type { Dialog, InDialog } from "./dialog.ts";
import type { Reasons } from "./reasons.ts";

/** What the parts of an established call (renegotiation, timer, keys, transfer) have in common. */
export interface Leg {
  readonly context: CallContext;
  readonly dialog: Dialog;
  readonly negotiation: Negotiation;
  readonly media: MediaSession;
  /** We sent the first INVITE. */
  readonly outgoing: boolean;
  /**
   * Sends a request; nothing is told once the call is over. 408, 481 and no answer end the call (RFC 3261 12.2.1.2), and are not
   * told either.
   */
  send(message: InDialog, final: (response: SipResponse) => void): void;
  /** Ends the call with a BYE, as soon as one is allowed. The first reason counts. */
  leave(end: LegOver): void;
}

export interface LegOver {
  why: SipCallEnd["why"];
  detail: string;
  /** From the message that ended it. */
  reasons?: Reasons;
}
