import { isDeepStrictEqual } from "node:util";
import type { ServerTransaction, Source } from "../endpoint.ts";
import type { MediaSession } from "../media/media.ts";
import type { SipRequest, SipResponse, Uri } from "../message/message.ts";
import type { Negotiation } from "../sdp/negotiation.ts";
import { contentType } from "./bodies.ts";
import { capabilities, refusalOf, respondTo } from "./capabilities.ts";
import { type CallContext, PATIENCE } from "./context.ts";
import type { Authorization } from "./createAuthorization.ts";
import { createRenegotiation } from "./createRenegotiation.ts";
import { createTransfer, type TransferOutcome } from "./createTransfer.ts";
import { type Dialog, type InDialog, metAgain, tagOf } from "./dialog.ts";
import { readKey, writeKey } from "./key-info.ts";
import type { Leg, LegOver } from "./leg.ts";
import { methodRefusal } from "./methodRefusal.ts";
import { NORMAL_CLEARING, readReasons, statusLine } from "./reasons.ts";
import { sendInDialog } from "./sendInDialog.ts";
import { createSessionTimer, type SessionTerms } from "./session-timer.ts";

export interface SessionOptions {
  context: CallContext;
  dialog: Dialog;
  negotiation: Negotiation;
  media: MediaSession;
  authorization: Authorization;
  outgoing: boolean;
  /** What made the dialog, from the other side: their INVITE, or their 2xx. */
  peer: SipRequest | SipResponse;
  terms: SessionTerms | null;
  /** Exactly once. */
  over(end: LegOver): void;
}

export interface Session {
  request(transaction: ServerTransaction): void;
  ack(ack: SipRequest): void;
  meets(place: Source): boolean;
  /** Our 2xx to the first INVITE is out; `offered` as in Renegotiation. */
  answered(transaction: ServerTransaction, offered: ((answer: SipRequest | null) => void) | null): void;
  leave(end: LegOver): void;
  refer(to: Uri): Promise<TransferOutcome>;
}

/**
 * A call from its answer to its end.
 *
 *     talking ── leave, 2xx of ours not acknowledged yet ──► waiting ── ACK, or none in time ──┐
 *        │ │                                                    │ BYE received                 │
 *        │ └── leave: BYE ──► leaving ◄─────────────────────────┼──────────────────────────────┘
 *        │                      │ answer to BYE, BYE received, patience
 *        └── BYE received ──► over ◄── 481 to a request of ours (from any state)
 */
export function createSession(options: SessionOptions): Session {
  const { context, dialog, negotiation, media, authorization } = options;
  let state: "talking" | "waiting" | "leaving" | "over" = "talking";
  let end: LegOver | undefined;
  let stopWaiting = () => {};
  let keys: Promise<void> | undefined;
  /** Of the requests that are not answered yet. */
  const cancels = new Set<() => void>();

  const leg: Leg = { context, dialog, negotiation, media, outgoing: options.outgoing, send, leave };
  const timer = createSessionTimer({
    timing: context.timing,
    refresh: () => renegotiation.refresh(),
    expired: () => leave({ why: "lost", detail: "the session timer ran out" }),
  });
  const renegotiation = createRenegotiation(leg, timer, { update: allows(options.peer, "UPDATE") }, options.terms);
  const transfer = createTransfer(leg);
  media.sendInfo = sendKey;

  function send(message: InDialog, final: (response: SipResponse) => void) {
    if (state !== "talking") return;
    const cancel = sendInDialog(context, dialog, authorization, message, {
      final: (response) => {
        cancels.delete(cancel);
        if (state !== "talking") return;
        if (response.status !== 408 && response.status !== 481) return final(response);
        // RFC 5057 5.1: with 481 the other side has no call any more that a BYE could end.
        const lost: LegOver = { why: "lost", detail: `the other side has lost the call (${statusLine(response)})` };
        if (response.status === 481) finish({ ...lost, reasons: readReasons(response.headers) });
        else leave(lost);
      },
      failed: (failure) => {
        cancels.delete(cancel);
        leave({ why: "lost", detail: `no answer to ${message.method}: ${failure.detail}` });
      },
    });
    cancels.add(cancel);
  }

  function leave(reason: LegOver) {
    if (state === "leaving" || state === "over") return;
    end ??= reason;
    if (state === "talking") quieten();
    if (renegotiation.unacknowledged) {
      state = "waiting";
      return;
    }
    state = "leaving";
    stopWaiting = context.timing.after(PATIENCE.byeMs, finish);
    const bye = { method: "BYE", headers: [["Reason", NORMAL_CLEARING]] as const };
    sendInDialog(context, dialog, authorization, bye, { final: () => finish(), failed: () => finish() });
  }

  /** From the first word of the end: nothing of our own is begun any more. */
  function quieten() {
    timer.stop();
    media.sendInfo = undefined;
  }

  function finish(reason?: LegOver) {
    if (state === "over") return;
    if (state === "talking") quieten();
    state = "over";
    stopWaiting();
    renegotiation.stop();
    for (const cancel of cancels) cancel();
    end ??= reason;
    transfer.stop();
    options.over(end ?? { why: "failed", detail: "the call ended" });
  }

  function request(transaction: ServerTransaction) {
    const { request } = transaction;
    if (state === "over" || tagOf(request.from) !== tagOf(dialog.remote)) return respondTo(transaction, 481);
    // RFC 3261 12.2.2.
    if (dialog.remoteSequence !== null && request.cseq.sequence < dialog.remoteSequence) return respondTo(transaction, 500);
    dialog.remoteSequence = request.cseq.sequence;
    metAgain(dialog, transaction.source);
    const refusal = refusalOf(request);
    if (refusal) return transaction.respond(refusal);
    switch (request.method) {
      case "BYE":
        return hungUp(transaction);
      case "INVITE":
      case "UPDATE":
        return state === "talking" ? renegotiation.receive(transaction) : respondTo(transaction, 481);
      case "INFO":
        return info(transaction);
      case "NOTIFY":
        return transfer.notify(transaction);
      case "OPTIONS":
        return respondTo(transaction, 200, capabilities());
      default:
        return transaction.respond(methodRefusal(request.method));
    }
  }

  function hungUp(transaction: ServerTransaction) {
    respondTo(transaction, 200);
    const reasons = readReasons(transaction.request.headers);
    if (end) end = { ...end, reasons };
    const detail = reasons.text === null ? "the other side hung up" : `the other side hung up: ${reasons.text}`;
    if (transfer.hungUp()) finish({ why: "transferred", detail: "handed over", reasons });
    else finish({ why: "bye_received", detail, reasons });
  }

  function info(transaction: ServerTransaction) {
    const { request } = transaction;
    respondTo(transaction, 200);
    const key = contentType(request) === "" ? undefined : readKey(request);
    if (key !== undefined && state === "talking") media.digitByInfo(key);
  }

  /** One after the other: over UDP they could overtake, and a lower CSeq is refused. */
  function sendKey(digit: string, durationMs: number) {
    const sent = (keys ?? Promise.resolve()).then(
      () => new Promise<void>((resolve) => send({ method: "INFO", body: writeKey(digit, durationMs) }, () => resolve())),
    );
    keys = sent;
  }

  function ack(received: SipRequest) {
    if (tagOf(received.from) !== tagOf(dialog.remote)) return;
    media.peerIsThere();
    renegotiation.ack(received);
    if (state === "waiting" && !renegotiation.unacknowledged && end) leave(end);
  }

  timer.agreed(options.terms);
  return {
    request,
    ack,
    meets: (place) => isDeepStrictEqual(dialog.firstHop.met, place),
    answered: renegotiation.answered,
    leave,
    refer: (to) => (state === "talking" ? transfer.refer(to) : Promise.resolve({ accepted: false, detail: "the call ended" })),
  };
}

/** Whether the other side takes a method; it need not say at all (RFC 3261 20.5). */
const allows = ({ headers }: SipRequest | SipResponse, method: string): boolean =>
  headers.all("Allow").some((allowed) => allowed.trim().toUpperCase() === method);
