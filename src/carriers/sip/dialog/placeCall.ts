import { randomBytes, randomUUID } from "node:crypto";
import type { ClientTransaction, ServerTransaction, Target } from "../endpoint.ts";
import type { MediaSession } from "../media/media.ts";
import { createHeaders } from "../message/createHeaders.ts";
import type { NameAddr, SipRequest, SipResponse, Uri } from "../message/message.ts";
import { withParam } from "../message/params.ts";
import { writeUri } from "../message/uri.ts";
import { createNegotiation } from "../sdp/createNegotiation.ts";
import { type NegotiatedAudio, type Negotiation, SdpError } from "../sdp/negotiation.ts";
import type { InviteOptions, SipCall, SipCallEnd, SipCallHandler } from "../user-agent.ts";
import { SDP } from "./bodies.ts";
import { callEnd, responseEnd } from "./call-end.ts";
import { ALLOW, respondTo, SUPPORTED } from "./capabilities.ts";
import { contactAt } from "./contactAt.ts";
import { type CallContext, callKey, PATIENCE } from "./context.ts";
import { createAuthorization } from "./createAuthorization.ts";
import { createEarlyDialog, type EarlyDialog, type EarlyDialogOptions } from "./createEarlyDialog.ts";
import { createSession, type Session } from "./createSession.ts";
import { type Dialog, tagOf } from "./dialog.ts";
import { NORMAL_CLEARING, statusLine } from "./reasons.ts";
import { sendInDialog, withSoftware } from "./sendInDialog.ts";
import { readMinSe, termsOfResponse } from "./session-timer.ts";

/** A call rings at no more places than this: each further 2xx would make us send an ACK and a BYE, to whoever its Contact names. */
const MOST_BRANCHES = 32;

/** Further tries with another Session-Expires; each must ask for more than the one before. */
const MOST_INTERVALS = 3;

/**
 * Places a call (RFC 3261 13.2).
 *
 *     starting ──► calling ── 2xx ──► answered (createSession.ts) ──► over
 *        │           │ │ ▲              ▲ 401, 407, 422: another INVITE
 *        │           │ └─┘
 *        │           ├── 3xx-6xx, no answer at all ──────────► over
 *        │           ├── hangup, ring timeout: CANCEL ──► leaving ── any final, or patience ──► over
 *        │           └── 2xx that cannot be used: BYE ──────┘
 *        └── hangup ──────────────────────────────────────► over
 *
 * A 2xx that is not the first, or comes when the call is not wanted any more, even after its end, is acknowledged and ended with
 * BYE (13.2.2.4, 9.1).
 */
export function placeCall(context: CallContext, { media, ...options }: InviteOptions, handler: SipCallHandler): SipCall {
  const { endpoint, timing } = context;
  const callId = randomUUID();
  const from = withParam(options.from, "tag", randomBytes(8).toString("hex"));
  const authorization = createAuthorization(options.credentials, context);
  const key = callKey(callId, tagOf(from));
  const firstResponseMs = Math.min(options.firstResponseTimeoutMs, options.ringTimeoutMs);
  // The INVITE's transaction outlives the call by half a minute, for a 2xx that comes again: it may not keep the call's audio with it.
  let owner: { media: MediaSession; handler: SipCallHandler } | undefined = { media, handler };
  let state: "starting" | "calling" | "leaving" | "answered" | "over" = "starting";
  let leaving: { why: "canceled" | "no_answer"; detail: string } | undefined;
  let heard = false;
  let ringing: { early: boolean } | undefined;
  let transaction: ClientTransaction | undefined;
  let applied: NegotiatedAudio | undefined;
  let sequence = 0;
  let intervals = 0;
  let minSe: number | undefined;
  let stopTimer = () => {};
  let stopFirst = () => {};
  let early: ReadonlyMap<string, EarlyDialog> | undefined;
  let session: Session | undefined;
  /** Branches whose answer we do not want, by their tag, while our BYE is under way; theirs may cross it. */
  const unwanted = new Map<string, () => void>();

  function end(final: SipCallEnd) {
    if (state === "over") return;
    state = "over";
    stopTimer();
    stopFirst();
    early = undefined;
    session = undefined;
    context.forget(key);
    const told = owner?.handler;
    owner = undefined;
    told?.ended(final);
  }

  async function start() {
    // First, because where both are over at once nobody was reached who could have answered.
    stopFirst = timing.after(firstResponseMs, unheard);
    stopTimer = timing.after(options.ringTimeoutMs, () => giveUp("no_answer", "nobody answered in time"));
    const here = await endpoint.reachableAt(options.target).catch((error: unknown) => {
      end(callEnd({ why: "unreachable", detail: error instanceof Error ? error.message : String(error) }, null, false));
    });
    if (!here || state !== "starting") return;
    state = "calling";
    const negotiation = createNegotiation({ ...options.audio, address: here.host });
    const offer = negotiation.offer();
    const contact = contactAt(here, options.from.uri);
    send(firstInvite(contact, offer), contact, negotiation);
  }

  function firstInvite(contact: NameAddr, offer: string): SipRequest {
    return withSoftware(
      {
        kind: "request",
        method: "INVITE",
        uri: options.uri,
        maxForwards: 70,
        via: [],
        route: [],
        from,
        to: options.to,
        callId,
        cseq: { sequence: ++sequence, method: "INVITE" },
        contact: [contact],
        recordRoute: [],
        headers: createHeaders([
          ["Allow", ALLOW],
          ["Supported", SUPPORTED],
          ["Session-Expires", String(context.sessionExpiresSeconds)],
          ["Content-Type", SDP],
          ...(options.headers ?? []),
        ]),
        body: Buffer.from(offer),
      },
      context,
    );
  }

  function send(invite: SipRequest, contact: NameAddr, offered: Negotiation) {
    const attempt: EarlyDialogOptions = {
      context,
      invite,
      offered,
      contact,
      get firstHop() {
        return firstHop();
      },
      apply,
      authorization,
    };
    const branches = new Map<string, EarlyDialog>();
    const acknowledged = new Map<EarlyDialog, () => void>();
    // From a provisional response on the call may ring somewhere: then a broken connection does not mean that nobody was reached.
    let proceeding = false;
    early = branches;

    function branchOf(response: SipResponse): EarlyDialog | undefined {
      const tag = tagOf(response.to);
      const known = branches.get(tag);
      if (known || branches.size >= MOST_BRANCHES) return known;
      const branch = createEarlyDialog(response, attempt);
      branches.set(tag, branch);
      return branch;
    }

    transaction = endpoint.request(invite, firstHop(), {
      trying: () => {
        proceeding = true;
        somethingHeard();
      },
      provisional: (response) => {
        proceeding = true;
        somethingHeard();
        if (state === "calling" || state === "leaving") provisional(response, branchOf);
      },
      final: (response) => {
        somethingHeard();
        if (response.status < 300) success(response, branchOf(response), acknowledged);
        else failure(response, attempt);
      },
      failed: ({ detail }) => end(callEnd(leaving ?? { why: proceeding ? "failed" : "unreachable", detail }, null, false)),
    });
  }

  /** A name may have many addresses: what knows of the call is the one that was asked. */
  const firstHop = (): Target => {
    const { target } = options;
    const met = transaction?.sentTo;
    return met ? { ...target, port: target.port ?? met.port, met } : target;
  };

  function apply(audio: NegotiatedAudio) {
    if (audio === applied) return;
    applied = audio;
    owner?.media.negotiated(audio);
  }

  function somethingHeard() {
    heard = true;
    stopFirst();
  }

  function unheard() {
    if (heard || (state !== "starting" && state !== "calling")) return;
    // CANCEL waits for a provisional response that may still come (9.1).
    transaction?.cancel();
    end(callEnd({ why: "unreachable", detail: `no answer of any kind within ${firstResponseMs / 1_000} s` }, null, false));
  }

  function provisional(response: SipResponse, branchOf: (response: SipResponse) => EarlyDialog | undefined) {
    const audible = tagOf(response.to) !== "" && (branchOf(response)?.provisional(response) ?? false);
    if (state !== "calling" || (response.status !== 180 && response.status !== 183 && !audible)) return;
    const before = ringing;
    ringing = { early: audible || (before?.early ?? false) };
    if (!before || before.early !== ringing.early) owner?.handler.ringing(ringing.early);
  }

  function success(response: SipResponse, branch: EarlyDialog | undefined, acknowledged: Map<EarlyDialog, () => void>) {
    if (!branch) return;
    const again = acknowledged.get(branch);
    if (again) return again();
    const acknowledge = branch.confirm(response);
    acknowledged.set(branch, acknowledge);
    acknowledge();
    if (state === "calling") return answer(response, branch);
    if (leaving && state === "leaving")
      dismiss(branch.dialog, callEnd({ ...leaving, detail: `${leaving.detail}; the answer came too late` }, response, false));
    else bye(branch.dialog);
  }

  function answer(response: SipResponse, branch: EarlyDialog) {
    if (!owner) return;
    let negotiation: Negotiation;
    try {
      negotiation = branch.agree(response);
    } catch (error) {
      if (!(error instanceof SdpError)) throw error;
      return dismiss(branch.dialog, callEnd({ why: "failed", detail: error.message }, response, false));
    }
    stopTimer();
    state = "answered";
    session = createSession({
      context,
      dialog: branch.dialog,
      negotiation,
      media: owner.media,
      authorization,
      outgoing: true,
      peer: response,
      terms: termsOfResponse(response.headers),
      over: (over) => end(callEnd(over, response, true)),
    });
    owner?.handler.answered();
  }

  /** The only answer is not wanted: the call is over when its BYE is answered. */
  function dismiss(dialog: Dialog, final: SipCallEnd) {
    state = "leaving";
    stopTimer();
    stopTimer = timing.after(PATIENCE.byeMs, () => end(final));
    bye(dialog, () => end(final));
  }

  function bye(dialog: Dialog, done = () => {}) {
    const tag = tagOf(dialog.remote);
    const message = { method: "BYE", headers: [["Reason", NORMAL_CLEARING]] as const };
    const gone = () => {
      unwanted.delete(tag);
      done();
    };
    unwanted.set(tag, gone);
    sendInDialog(context, dialog, authorization, message, { final: gone, failed: gone });
  }

  function failure(response: SipResponse, attempt: EarlyDialogOptions) {
    if (leaving) return end(responseEnd(leaving.why, leaving.detail, response));
    if (state !== "calling") return;
    const { invite, contact, offered } = attempt;
    const retry = authorization.retry(response, invite, transaction?.sentTo, () => ++sequence);
    if (retry && "request" in retry) return send(retry.request, contact, offered);
    if (retry) return end(responseEnd("rejected", retry.refused, response));
    const asked = response.status === 422 ? readMinSe(response.headers) : undefined;
    if (asked !== undefined && asked > (minSe ?? 0) && ++intervals <= MOST_INTERVALS) {
      minSe = asked;
      const headers = invite.headers
        .with("Session-Expires", String(Math.max(asked, context.sessionExpiresSeconds)))
        .with("Min-SE", String(asked));
      const next = { ...invite, headers, cseq: { ...invite.cseq, sequence: ++sequence } };
      return send(authorization.sign(next), contact, offered);
    }
    end(responseEnd("rejected", refusalText(response), response));
  }

  function giveUp(why: "canceled" | "no_answer", detail: string) {
    if (state !== "calling") return;
    state = "leaving";
    leaving = { why, detail };
    stopTimer();
    stopFirst();
    transaction?.cancel();
    stopTimer = timing.after(PATIENCE.cancelMs, () => end(callEnd({ why, detail }, null, false)));
  }

  function hangup() {
    if (state === "starting") end(callEnd({ why: "canceled", detail: "hung up before it was sent" }, null, false));
    else if (state === "calling") giveUp("canceled", "hung up before the answer");
    else session?.leave({ why: "bye_sent", detail: "we hung up" });
  }

  function request(received: ServerTransaction) {
    const theirTag = tagOf(received.request.from);
    const gone = received.request.method === "BYE" ? unwanted.get(theirTag) : undefined;
    if (gone) {
      respondTo(received, 200);
      return gone();
    }
    if (session) return session.request(received);
    const dialog = early?.get(theirTag);
    if (dialog) dialog.request(received);
    else respondTo(received, 481);
  }

  context.calls.set(key, {
    request,
    ack: (ack) => session?.ack(ack),
    meets: (place) => session?.meets(place) ?? false,
    hangup,
  });
  start().catch((error: unknown) => {
    context.log.error({ err: error, callId }, "a call cannot be placed");
    end(callEnd({ why: "failed", detail: error instanceof Error ? error.message : String(error) }, null, false));
  });
  return {
    callId,
    hangup,
    refer: (to: Uri) => session?.refer(to) ?? Promise.resolve({ accepted: false, detail: "the call is not answered" }),
  };
}

function refusalText(response: SipResponse): string {
  const line = statusLine(response);
  if (response.status >= 400) return line;
  const [to] = response.contact === "*" ? [] : response.contact;
  return `${line}: redirects${to ? `, here to ${writeUri(to.uri)},` : ""} are not followed`;
}
