import type { Reply, ServerTransaction } from "../endpoint.ts";
import type { SipRequest } from "../message/message.ts";
import { contentType, isMultipart, SDP } from "./bodies.ts";

/** REFER is not there: nobody sends our calls elsewhere. */
export const ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, NOTIFY";
export const SUPPORTED = "100rel, timer";
const EXTENSIONS: ReadonlySet<string> = new Set(["100rel", "timer"]);

export const DTMF_RELAY = "application/dtmf-relay";
export const DTMF = "application/dtmf";
export const SIPFRAG = "message/sipfrag";

/** Body types that a method may bring. */
const ACCEPTS: ReadonlyMap<string, readonly string[]> = new Map([
  ["INVITE", [SDP]],
  ["UPDATE", [SDP]],
  ["INFO", [DTMF_RELAY, DTMF]],
]);

/** What an OPTIONS, or an INVITE, is told (RFC 3261 11.2). */
export const capabilities = (): ReadonlyArray<readonly [string, string]> => [
  ["Allow", ALLOW],
  ["Accept", `${SDP}, multipart/mixed, ${DTMF_RELAY}, ${DTMF}, ${SIPFRAG}`],
  ["Supported", SUPPORTED],
];

/** What a request cannot be taken with whatever it wants (RFC 3261 8.2.2.3, 8.2.3); undefined when it can. */
export function refusalOf(request: SipRequest): Reply | undefined {
  const unknown = request.headers.all("Require").filter((option) => !EXTENSIONS.has(option.trim().toLowerCase()));
  if (unknown.length > 0) return { status: 420, headers: [["Unsupported", unknown.join(", ")]] };
  // RFC 6086 4.2.2: no info packages are ours.
  if (request.method === "INFO" && request.headers.has("Info-Package")) return { status: 469, headers: [["Recv-Info", ""]] };
  if (request.body.length === 0) return undefined;
  const encodings = request.headers.all("Content-Encoding");
  if (encodings.some((encoding) => encoding.trim().toLowerCase() !== "identity"))
    return { status: 415, headers: [["Accept-Encoding", "identity"]] };
  const accepted = ACCEPTS.get(request.method);
  if (!accepted || accepted.includes(contentType(request)) || isOptional(request)) return undefined;
  if (accepted.includes(SDP) && isMultipart(request)) return undefined;
  return { status: 415, headers: [["Accept", accepted.join(", ")]] };
}

/** RFC 3261 20.11: a body that may be ignored. */
const isOptional = ({ headers }: SipRequest): boolean => /;\s*handling\s*=\s*"?optional/i.test(headers.get("Content-Disposition") ?? "");

export const respondTo = (transaction: ServerTransaction, status: number, headers: Reply["headers"] = []): void =>
  transaction.respond({ status, headers });
