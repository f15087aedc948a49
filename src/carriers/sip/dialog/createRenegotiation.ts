import type { ServerTransaction } from "../endpoint.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import { writeNameAddr } from "../message/nameAddr.ts";
import { SdpError } from "../sdp/negotiation.ts";
import { SDP, sdpOf } from "./bodies.ts";
import { ALLOW, SUPPORTED } from "./capabilities.ts";
import { type Body, contactUri } from "./dialog.ts";
import type { Leg } from "./leg.ts";
import { answerTerms, readMinSe, type SessionTerms, type SessionTimer, termsOfResponse } from "./session-timer.ts";

/** INVITE and UPDATE within a call, from both sides: hold, other addresses and codecs, refreshes. */
export interface Renegotiation {
  /** A re-INVITE, or an UPDATE (RFC 3311). */
  receive(transaction: ServerTransaction): void;
  /** An INVITE of theirs was answered with 2xx. `offered`: with our offer, so that the ACK brings their answer. */
  answered(transaction: ServerTransaction, offered: ((answer: SipRequest | null) => void) | null): void;
  ack(ack: SipRequest): void;
  /** A 2xx of ours waits for its ACK: until then no BYE may be sent (RFC 3261 15). */
  readonly unacknowledged: boolean;
  refresh(): void;
  stop(): void;
}

/**
 * Offers cross in two ways (RFC 3261 14.1, RFC 3311 5.2, RFC 6337 2.1), and both get a 491:
 *
 *     quiet ── our re-INVITE ──► asking ── final ──► quiet
 *       ▲                          │ 491: again later
 *       └── ACK ── offering ◄── our offer in the 2xx to their INVITE without one
 *
 * An UPDATE of ours carries no offer.
 */
export function createRenegotiation(
  leg: Leg,
  timer: SessionTimer,
  peerAllows: { update: boolean },
  agreed: SessionTerms | null,
): Renegotiation {
  const { context, dialog, negotiation, media } = leg;
  let asking = false;
  let unacked: { transaction: ServerTransaction; offered: ((answer: SipRequest | null) => void) | null } | undefined;
  let stopRetry = () => {};
  let terms = agreed;
  let minSe: number | undefined;

  function receive(transaction: ServerTransaction) {
    const { request } = transaction;
    const invite = request.method === "INVITE";
    const offer = sdpOf(request);
    if (asking || unacked?.offered) {
      // RFC 3311 5.2: an UPDATE without an offer disturbs nothing.
      if (invite || offer !== undefined) return transaction.respond({ status: 491 });
    }
    const offered = answerTerms(request.headers, context.sessionExpiresSeconds, context.minSeSeconds);
    if (!offered.ok) return transaction.respond({ status: 422, headers: [["Min-SE", String(offered.minSe)]] });
    const agreed = agree(offer, invite);
    if ("error" in agreed) {
      const { status, message } = agreed.error;
      return transaction.respond({ status, headers: [["Warning", `399 leadline "${message.replace(/["\\\r\n]/g, "'")}"`]] });
    }
    dialog.remoteTarget = contactUri(request) ?? dialog.remoteTarget;
    agreedTerms(offered.terms);
    transaction.respond({
      status: 200,
      headers: [["Contact", writeNameAddr(dialog.contact)], ["Allow", ALLOW], ["Supported", SUPPORTED], ...offered.headers],
      ...(agreed.body ? { body: agreed.body } : {}),
    });
    if (invite) answered(transaction, offer === undefined ? takeAnswer : null);
  }

  function agree(offer: string | undefined, invite: boolean): { body: Body | undefined } | { error: SdpError } {
    if (offer === undefined) return { body: invite ? { type: SDP, content: negotiation.offer() } : undefined };
    try {
      const { sdp, audio } = negotiation.answer(offer);
      media.negotiated(audio);
      return { body: { type: SDP, content: sdp } };
    } catch (error) {
      if (error instanceof SdpError) return { error };
      throw error;
    }
  }

  /** Of our offer in a 200 or a re-INVITE; without one that can be used, what had been agreed still holds. */
  function takeAnswer(message: SipRequest | SipResponse | null) {
    const answer = message ? sdpOf(message) : undefined;
    if (answer === undefined) return negotiation.withdraw();
    try {
      media.negotiated(negotiation.accept(answer));
    } catch (error) {
      if (!(error instanceof SdpError)) throw error;
      negotiation.withdraw();
    }
  }

  function answered(transaction: ServerTransaction, offered: ((answer: SipRequest | null) => void) | null) {
    // The next INVITE says that the 2xx before it has come.
    settle();
    unacked = { transaction, offered };
    transaction.handler = {
      ...transaction.handler,
      unacknowledged: () => {
        if (unacked?.transaction !== transaction) return;
        unacked = undefined;
        leg.leave({ why: "lost", detail: "our answer was never acknowledged" });
      },
    };
  }

  /** The 2xx has come: its transaction, which lasts half a minute yet, knows nothing of the call any more. */
  function settle() {
    if (!unacked) return;
    unacked.transaction.acknowledged();
    unacked.transaction.handler = {};
    unacked = undefined;
  }

  function ack(request: SipRequest) {
    if (unacked?.transaction.request.cseq.sequence !== request.cseq.sequence) return;
    const { offered } = unacked;
    settle();
    offered?.(request);
  }

  function agreedTerms(next: SessionTerms | null) {
    terms = next;
    timer.agreed(next);
  }

  function refresh() {
    stopRetry();
    if (asking || unacked) return later();
    const headers: Array<readonly [string, string]> = [
      // No 100rel: whoever answers within a call does so at once, and there is no PRACK for provisional responses to this.
      ["Supported", "timer"],
      ["Allow", ALLOW],
      ["Session-Expires", `${Math.max(terms?.seconds ?? context.sessionExpiresSeconds, minSe ?? 0)};refresher=uac`],
      ...(minSe === undefined ? [] : [["Min-SE", String(minSe)] as const]),
    ];
    const update = peerAllows.update;
    asking = !update;
    const body = update ? undefined : { type: SDP, content: negotiation.offer() };
    leg.send({ method: update ? "UPDATE" : "INVITE", headers, body }, (response) => {
      asking = false;
      refreshed(response, update);
    });
  }

  function refreshed(response: SipResponse, update: boolean) {
    if (response.status >= 200 && response.status < 300) {
      if (!update) takeAnswer(response);
      return agreedTerms(termsOfResponse(response.headers));
    }
    if (!update) negotiation.withdraw();
    if (response.status === 491) return later();
    if (update && (response.status === 405 || response.status === 501)) {
      peerAllows.update = false;
      return refresh();
    }
    const asked = response.status === 422 ? readMinSe(response.headers) : undefined;
    if (asked !== undefined && asked > (minSe ?? 0)) {
      minSe = asked;
      return refresh();
    }
    timer.refused();
  }

  /** RFC 3261 14.1: who owns the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s. */
  function later() {
    stopRetry();
    const ms = leg.outgoing ? 2_100 + 10 * Math.floor(context.random() * 191) : 10 * Math.floor(context.random() * 201);
    stopRetry = context.timing.after(ms, refresh);
  }

  return {
    receive,
    answered,
    ack,
    refresh,
    get unacknowledged() {
      return unacked !== undefined;
    },
    stop: () => {
      stopRetry();
      settle();
    },
  };
}
