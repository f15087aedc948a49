import type { SipRequest, SipResponse } from "../message/message.ts";
import { writeUri } from "../message/uri.ts";
import { writeVia } from "../message/via.ts";
import { MAGIC_COOKIE } from "./branch.ts";

/** Of the client transaction that a response belongs to (RFC 3261 17.1.3). */
export function clientKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}

export function clientKeyOf(response: SipResponse): string {
  return clientKey(response.via[0]?.params.get("branch") ?? "", response.cseq.method);
}

/**
 * Of the server transaction that a request belongs to, or creates, as if its method were `method`: of INVITE for an ACK or a
 * CANCEL (RFC 3261 17.2.3, 9.2). Branches without the magic cookie are those of RFC 2543, which made none unique.
 * The topmost Via must be as it was sent, without what we have put there.
 */
export function serverKey(request: SipRequest, method: string): string {
  const top = request.via[0];
  const branch = top?.params.get("branch");
  if (top && branch?.startsWith(MAGIC_COOKIE)) return `${branch} ${top.host}:${top.port ?? ""} ${method}`;
  const { from, to, callId, cseq } = request;
  // The To tag of an ACK is that of our response, which the INVITE did not have.
  const toTag = method === "INVITE" ? "" : (to.params.get("tag") ?? "");
  return [callId, cseq.sequence, method, from.params.get("tag") ?? "", toTag, writeUri(request.uri), top ? writeVia(top) : ""].join("\n");
}

/** What two copies of one request have in common that came on different ways (RFC 3261 8.2.2.2). Null within a dialog. */
export function mergeKey(request: SipRequest): string | null {
  if (request.to.params.has("tag")) return null;
  return `${request.from.params.get("tag") ?? ""}\n${request.callId}\n${request.cseq.sequence} ${request.cseq.method}`;
}
