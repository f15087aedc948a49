import type { LegCause, LegEnd } from "../carrier.ts";
import { type Meaning, Q850, STATUS } from "./outcome-table.ts";
import type { SipCallEnd } from "./user-agent.ts";

/**
 * Why a leg is over, from what SIP said. `rang`: a 180 or 183 had come. A Q.850 cause that says who did it (busy, refused, no such
 * number) outranks the SIP status, which gateways choose from it and not always well (RFC 3398 8.2.6.1); else the status decides.
 */
export function legEnd(end: SipCallEnd, rang: boolean): LegEnd {
  const { status, reason, q850 } = end;
  return { ...meaning(end, rang), sip: { status, reason, q850 } };
}

interface Verdict {
  cause: LegCause;
  detail: string;
  /** As of LegEnd. */
  told?: string;
}

function meaning(end: SipCallEnd, rang: boolean): Verdict {
  switch (end.why) {
    case "rejected":
      return ofRejection(end, rang);
    case "unreachable":
      return { cause: "failed", detail: end.detail };
    case "canceled":
      return { cause: "canceled", detail: end.detail };
    case "no_answer":
      return { cause: "no_answer", detail: end.detail };
    case "bye_received":
      return ofBye(end);
    case "bye_sent":
      return { cause: "hangup_local", detail: end.detail };
    case "transferred":
      return { cause: "transferred", detail: end.detail };
    case "lost":
      return { cause: "lost", detail: end.detail };
    case "failed":
      return { cause: end.answered ? "lost" : "failed", detail: end.detail };
  }
}

function ofRejection(end: SipCallEnd, rang: boolean): Verdict {
  const said = end.q850 === null ? undefined : Q850.get(end.q850);
  const status = ofStatus(end.status ?? 500);
  const row: Meaning = said?.decides ? said : status;
  const cause = (rang ? row.afterRinging : undefined) ?? row.cause;
  // A failure is best explained by its Q.850 cause when there is one, since 500 and 503 say little.
  const words = row === status && cause === "failed" && said?.cause === "failed" ? said.words : row.words;
  const grounds = withGrounds(words, end);
  // Which user name and password is the operator's.
  return { cause, detail: worded(grounds, end), ...(grounds === words ? {} : { told: worded(words, end) }) };
}

/** The user agent knows why credentials did not do. */
const withGrounds = (words: string | undefined, { status, detail }: SipCallEnd): string | undefined =>
  words && (status === 401 || status === 407) && !detail.startsWith(String(status)) ? `${words}: ${detail}` : words;

function ofBye(end: SipCallEnd): { cause: LegCause; detail: string } {
  const said = end.q850 === null ? undefined : Q850.get(end.q850);
  // RFC 3326: a BYE's Reason says why a call that stood was ended.
  return said?.breaks ? { cause: "lost", detail: worded(said.words, end) } : { cause: "hangup", detail: end.detail };
}

/** A status that nobody knows counts as the x00 of its class (RFC 3261 8.1.3.2). */
function ofStatus(status: number): Meaning {
  const row = STATUS.get(status) ?? STATUS.get(Math.floor(status / 100) * 100) ?? STATUS.get(500);
  if (!row) throw new Error("the table of outcomes has a row for 500");
  return row;
}

/** Such as "the gateway refuses our credentials (403 Forbidden)", "486 Busy Here" or "no circuit is free (503 Service Unavailable, Q.850 34)". */
function worded(words: string | undefined, { status, reason, q850 }: SipCallEnd): string {
  const answer = status === null ? "" : `${status} ${reason ?? ""}`.trim();
  const parts = [answer, q850 === null ? "" : `Q.850 ${q850}`].filter((part) => part !== "");
  if (!words) return parts.join(", ");
  return parts.length > 0 ? `${words} (${parts.join(", ")})` : words;
}
