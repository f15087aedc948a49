import type { ServerTransaction, Target } from "../endpoint.ts";
import type { NameAddr, SipRequest, SipResponse } from "../message/message.ts";
import { writeNameAddr } from "../message/nameAddr.ts";
import { type NegotiatedAudio, type Negotiation, SdpError } from "../sdp/negotiation.ts";
import { SDP, sdpOf } from "./bodies.ts";
import { ALLOW, capabilities, refusalOf, respondTo, SUPPORTED } from "./capabilities.ts";
import type { CallContext } from "./context.ts";
import type { Authorization } from "./createAuthorization.ts";
import { contactUri, type Dialog, dialogOfResponse, hopOf } from "./dialog.ts";
import { methodRefusal } from "./methodRefusal.ts";
import { ackOf, sendInDialog } from "./sendInDialog.ts";

/** One branch of an outgoing call that may have forked, before and with its answer. */
export interface EarlyDialog {
  readonly dialog: Dialog;
  /** True when there is something new to be heard. */
  provisional(response: SipResponse): boolean;
  /** Its 2xx: the ACK to send for it, now and again. */
  confirm(response: SipResponse): () => void;
  /** What it agreed on. Throws SdpError when nothing can be. */
  agree(response: SipResponse): Negotiation;
  /** A request of theirs before the answer. */
  request(transaction: ServerTransaction): void;
}

export interface EarlyDialogOptions {
  context: CallContext;
  invite: SipRequest;
  /** The offer made; each branch answers it for itself. */
  offered: Negotiation;
  contact: NameAddr;
  firstHop: Target;
  /** What is to be heard and sent now; again with the same: nothing. */
  apply(audio: NegotiatedAudio): void;
  authorization: Authorization;
}

/**
 * Made by the first response with a tag (RFC 3261 13.2.2.1). An SDP in an unreliable provisional response is a foretaste of the
 * answer; that in a reliable one, or in the 2xx, is the answer, and what comes after is ignored (13.2.1, RFC 3262 5). Peers that
 * send it in a 183 only are believed too.
 *
 * Reliable responses (RFC 3262 4) are taken in the order of RSeq, and acknowledged with PRACK once each.
 */
export function createEarlyDialog(first: SipResponse, options: EarlyDialogOptions): EarlyDialog {
  const { context, invite, offered, contact, firstHop, apply, authorization } = options;
  const dialog = dialogOfResponse(invite, first, contact, firstHop);
  let rseq: number | undefined;
  let agreed: { negotiation: Negotiation; audio: NegotiatedAudio; sdp: string; final: boolean } | undefined;

  function provisional(response: SipResponse): boolean {
    const number = reliableNumber(response);
    if (number !== undefined && rseq !== undefined && number !== rseq + 1) return false;
    dialog.remoteTarget = contactUri(response) ?? dialog.remoteTarget;
    const heard = take(sdpOf(response), number !== undefined);
    if (number !== undefined) {
      rseq = number;
      const rack = `${number} ${invite.cseq.sequence} INVITE`;
      // Whether it arrives is seen from what they do next.
      const ignored = { final: () => {}, failed: () => {} };
      sendInDialog(context, dialog, authorization, { method: "PRACK", headers: [["RAck", rack]] }, ignored);
    }
    return heard;
  }

  function take(sdp: string | undefined, final: boolean): boolean {
    if (sdp === undefined || agreed?.final) return false;
    if (agreed?.sdp === sdp) {
      agreed.final = final;
      return false;
    }
    const negotiation = offered.fork();
    try {
      agreed = { negotiation, audio: negotiation.accept(sdp), sdp, final };
    } catch (error) {
      // Not an answer yet: the 2xx may bring one that can be used.
      if (error instanceof SdpError) return false;
      throw error;
    }
    apply(agreed.audio);
    return true;
  }

  function confirm(response: SipResponse) {
    // RFC 3261 13.2.2.4: the 2xx says the route again.
    dialog.remoteTarget = contactUri(response) ?? dialog.remoteTarget;
    dialog.routeSet = response.recordRoute.toReversed();
    const ack = ackOf(dialog, invite);
    const target = hopOf(dialog);
    return () => context.endpoint.sendAck(ack, target);
  }

  function agree(response: SipResponse): Negotiation {
    const sdp = sdpOf(response);
    if (agreed && (agreed.final || sdp === undefined || sdp === agreed.sdp)) {
      // Another branch may have been the last to be heard.
      apply(agreed.audio);
      return agreed.negotiation;
    }
    if (sdp === undefined) throw new SdpError(488, "the answer has no SDP");
    const negotiation = offered.fork();
    apply(negotiation.accept(sdp));
    return negotiation;
  }

  function request(transaction: ServerTransaction) {
    const { request } = transaction;
    if (dialog.remoteSequence !== null && request.cseq.sequence < dialog.remoteSequence) return respondTo(transaction, 500);
    dialog.remoteSequence = request.cseq.sequence;
    const refusal = refusalOf(request);
    if (refusal) return transaction.respond(refusal);
    if (request.method === "UPDATE") return update(transaction);
    if (request.method === "INVITE") return respondTo(transaction, 491);
    // Nobody listens to keys yet; a 481 would say that the call is gone.
    if (request.method === "INFO") return respondTo(transaction, 200);
    if (request.method === "OPTIONS") return respondTo(transaction, 200, capabilities());
    transaction.respond(methodRefusal(request.method));
  }

  /** RFC 3311 5.2: an offer only after ours was answered reliably. */
  function update(transaction: ServerTransaction) {
    const offer = sdpOf(transaction.request);
    if (offer !== undefined && !agreed?.final) return respondTo(transaction, 491);
    dialog.remoteTarget = contactUri(transaction.request) ?? dialog.remoteTarget;
    const headers = [
      ["Contact", writeNameAddr(contact)],
      ["Allow", ALLOW],
      ["Supported", SUPPORTED],
    ] as const;
    if (offer === undefined || !agreed) return respondTo(transaction, 200, headers);
    try {
      const { sdp, audio } = agreed.negotiation.answer(offer);
      agreed.audio = audio;
      apply(audio);
      transaction.respond({ status: 200, headers, body: { type: SDP, content: sdp } });
    } catch (error) {
      if (!(error instanceof SdpError)) throw error;
      respondTo(transaction, error.status);
    }
  }

  return { dialog, provisional, confirm, agree, request };
}

/** The RSeq of a provisional response that asks for a PRACK. */
function reliableNumber({ headers, status }: SipResponse): number | undefined {
  if (status <= 100 || status >= 200) return undefined;
  if (!headers.all("Require").some((option) => option.trim().toLowerCase() === "100rel")) return undefined;
  const digits = /^\s*(\d{1,10})\s*$/.exec(headers.get("RSeq") ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}
