import type { ServerTransaction } from "../endpoint.ts";
import type { MediaSession } from "../media/media.ts";
import type { NameAddr, SipRequest } from "../message/message.ts";
import { writeNameAddr } from "../message/nameAddr.ts";
import { withParam } from "../message/params.ts";
import { createNegotiation } from "../sdp/createNegotiation.ts";
import { type Negotiation, SdpError } from "../sdp/negotiation.ts";
import type { CallAudio, Credentials, SipCall, SipCallHandler } from "../user-agent.ts";
import { SDP, sdpOf } from "./bodies.ts";
import { callEnd } from "./call-end.ts";
import { capabilities } from "./capabilities.ts";
import { contactAt } from "./contactAt.ts";
import { type CallContext, callKey } from "./context.ts";
import { createAuthorization } from "./createAuthorization.ts";
import { createSession, type Session } from "./createSession.ts";
import { dialogOfInvite, hopBackTo } from "./dialog.ts";
import type { LegOver } from "./leg.ts";
import { readReasons } from "./reasons.ts";
import type { TermsOffered } from "./session-timer.ts";

export interface AcceptOptions {
  context: CallContext;
  transaction: ServerTransaction;
  /** Ours. */
  tag: string;
  terms: TermsOffered & { ok: true };
  /** False: the caller has gone already. */
  wanted: boolean;
  media: MediaSession;
  audio: CallAudio;
  credentials?: Credentials;
}

/**
 * Answers an INVITE (RFC 3261 13.3.1.4).
 *
 *     accepting ── 200 ──► answered (createSession.ts) ──► over
 *        ├── hangup: 480, CANCEL: 487 ────────────► over
 *        └── nothing in common: 488 ──────────────► over
 *
 * The call counts as answered from the 200 on; one whose INVITE had no offer from the ACK on, which brings the answer. What is said
 * waits for the ACK, or for the first packet of theirs (`waitForPeer`), so that nothing of the first words is lost.
 */
export function acceptCall(options: AcceptOptions, handler: SipCallHandler): SipCall {
  const { context, transaction, tag, terms, media } = options;
  const { request: invite, source } = transaction;
  const key = callKey(invite.callId, tag);
  let state: "accepting" | "answered" | "over" = "accepting";
  let session: Session | undefined;

  function end(over: LegOver, status: number, reason: string) {
    if (state === "over") return;
    const answered = state === "answered";
    state = "over";
    session = undefined;
    // The transaction outlives the call by half a minute: it may not keep the call's audio with it.
    transaction.handler = {};
    context.forget(key);
    handler.ended(callEnd(over, { status, reason }, answered));
  }

  function refuse(over: LegOver, status: number, reason: string, headers: ReadonlyArray<readonly [string, string]> = []) {
    if (state !== "accepting") return;
    transaction.respond({ status, tag, headers });
    end(over, status, reason);
  }

  async function answer() {
    // Nothing is told before `acceptCall` has returned.
    const here = await context.endpoint.reachableAt(hopBackTo(source));
    if (!options.wanted) return end({ why: "canceled", detail: "the caller gave up" }, 487, "Request Terminated");
    if (state !== "accepting") return;
    const negotiation = createNegotiation({ ...options.audio, address: here.host });
    const offer = sdpOf(invite);
    try {
      const agreed = offer === undefined ? { sdp: negotiation.offer() } : negotiation.answer(offer);
      // Whose address the offer names is known from the ACK on, which has our tag: until then a forged one could aim our audio.
      media.waitForPeer();
      if ("audio" in agreed) media.negotiated(agreed.audio);
      confirm(negotiation, agreed.sdp, contactAt(here, invite.to.uri), offer === undefined);
    } catch (error) {
      if (!(error instanceof SdpError)) throw error;
      const warning = ["Warning", `399 leadline "${error.message.replace(/["\\\r\n]/g, "'")}"`] as const;
      refuse({ why: "failed", detail: error.message }, error.status, error.status === 488 ? "Not Acceptable Here" : "Bad Request", [
        warning,
      ]);
    }
  }

  function confirm(negotiation: Negotiation, sdp: string, contact: NameAddr, offered: boolean) {
    const made = createSession({
      context,
      dialog: dialogOfInvite(invite, withParam(invite.to, "tag", tag), contact, source),
      negotiation,
      media,
      authorization: createAuthorization(options.credentials, context),
      outgoing: false,
      peer: invite,
      terms: terms.terms,
      over: (over) => end(over, 200, "OK"),
    });
    session = made;
    state = "answered";
    made.answered(transaction, offered ? (ack) => takeAnswer(made, negotiation, ack) : null);
    transaction.respond({
      status: 200,
      tag,
      headers: [
        ...invite.recordRoute.map((route) => ["Record-Route", writeNameAddr(route)] as const),
        ["Contact", writeNameAddr(contact)],
        ...capabilities(),
        ...terms.headers,
      ],
      body: { type: SDP, content: sdp },
    });
    if (!offered) handler.answered();
  }

  /** The answer that an ACK brings to our offer. */
  function takeAnswer(made: Session, negotiation: Negotiation, ack: SipRequest | null) {
    const answer = ack ? sdpOf(ack) : undefined;
    try {
      if (answer === undefined) throw new SdpError(488, "the acknowledgement has no SDP");
      media.negotiated(negotiation.accept(answer));
    } catch (error) {
      if (!(error instanceof SdpError)) throw error;
      return made.leave({ why: "failed", detail: error.message });
    }
    handler.answered();
  }

  function hangup() {
    if (state === "accepting") refuse({ why: "canceled", detail: "hung up before the answer" }, 480, "Temporarily Unavailable");
    else session?.leave({ why: "bye_sent", detail: "we hung up" });
  }

  transaction.handler = {
    canceled: ({ headers }) => {
      const reasons = readReasons(headers);
      const detail = reasons.text === null ? "the caller gave up" : `the caller gave up: ${reasons.text}`;
      refuse({ why: "canceled", detail, reasons }, 487, "Request Terminated");
    },
    failed: ({ detail }) => {
      if (session) session.leave({ why: "lost", detail });
      else end({ why: "failed", detail }, 500, "Server Internal Error");
    },
  };
  context.calls.set(key, {
    request: (received) => (session ? session.request(received) : received.respond({ status: 481 })),
    ack: (ack) => session?.ack(ack),
    meets: (place) => session?.meets(place) ?? false,
    hangup,
  });
  answer().catch((error: unknown) => {
    context.log.error({ err: error, callId: invite.callId }, "a call cannot be answered");
    refuse({ why: "failed", detail: error instanceof Error ? error.message : String(error) }, 500, "Server Internal Error");
  });
  return {
    callId: invite.callId,
    hangup,
    refer: (to) => session?.refer(to) ?? Promise.resolve({ accepted: false, detail: "the call is not answered" }),
  };
}
