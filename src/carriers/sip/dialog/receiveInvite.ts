import type { Challenger } from "../digest.ts";
import type { Reply, ServerTransaction } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import type { IncomingInvite } from "../user-agent.ts";
import { acceptCall } from "./acceptCall.ts";
import { SDP } from "./bodies.ts";
import { refusalOf } from "./capabilities.ts";
import type { CallContext } from "./context.ts";
import { answerTerms } from "./session-timer.ts";

/**
 * An INVITE outside of a dialog (RFC 3261 13.3), until its owner has said what becomes of it.
 *
 *     undecided ── challenge, reject ──► decided
 *        │ └────── accept ──► acceptCall.ts
 *        └── CANCEL, or the transaction failed ──► gone (487)
 */
export function receiveInvite(
  context: CallContext,
  transaction: ServerTransaction,
  challenger: Challenger,
  incoming: (invite: IncomingInvite) => void,
): void {
  const { request, source, tag } = transaction;
  const refusal = refusalOf(request) ?? refusalOfCall(request);
  const terms = answerTerms(request.headers, context.sessionExpiresSeconds, context.minSeSeconds);
  if (refusal || !terms.ok) {
    const reply = refusal ?? { status: 422, headers: [["Min-SE", String(context.minSeSeconds)]] };
    transaction.respond({ ...reply, stateless: true });
    return;
  }

  const claim = challenger.read(request);
  let undecided = true;
  let gone: (() => void) | undefined;

  function decide(): boolean {
    const first = undecided;
    undecided = false;
    return first;
  }

  function goneBy(canceled: SipRequest | null) {
    if (!decide()) return;
    if (canceled) transaction.respond({ status: 487, tag });
    gone?.();
  }

  transaction.handler = { canceled: goneBy, failed: () => goneBy(null) };
  incoming({
    request,
    source,
    claimedUsername: claim.kind === "claim" ? claim.username : null,
    claimedUri: claim.kind === "claim" ? claim.uri : null,
    verify: (credentials) => claim.kind === "claim" && claim.verify(credentials),
    challenge: (realm) => {
      if (!decide()) return;
      const stale = claim.kind === "stale" && claim.realm === realm;
      const headers = challenger.challenge(realm, { stale }).map((value) => ["WWW-Authenticate", value] as const);
      transaction.respond({ status: 401, headers, stateless: true });
    },
    turnAway: (status) => {
      if (decide()) transaction.respond({ status, stateless: true });
    },
    reject: (status, reason, headers = []) => {
      if (decide()) transaction.respond({ status, tag, headers, ...(reason === undefined ? {} : { reason }) });
    },
    accept: (options, handler) => acceptCall({ context, transaction, tag, terms, wanted: decide(), ...options }, handler),
    onGone: (listener) => {
      gone = listener;
    },
  });
}

function refusalOfCall({ headers, contact }: SipRequest): Reply | undefined {
  // RFC 3891 3: there is no call of ours that another one could take over.
  if (headers.has("Replaces")) return { status: 481 };
  if (contact === "*" || contact.length === 0) return { status: 400, reason: "Missing Contact" };
  // RFC 3261 20.1, RFC 4475 3.3.15: our answer is SDP, and nothing else.
  if (headers.has("Accept") && !headers.all("Accept").some(takesSdp)) return { status: 406, headers: [["Accept", SDP]] };
  return undefined;
}

const takesSdp = (range: string): boolean => {
  const type = range.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type === SDP || type === "application/*" || type === "*/*";
};
