import { createHash } from "node:crypto";
import type { Reply } from "../endpoint.ts";
import { createHeaders } from "../message/createHeaders.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";
import { withParam } from "../message/params.ts";
import { reasonPhrase } from "./reasonPhrase.ts";

/** A response as RFC 3261 8.2.6 makes it of its request. `tag` is put into To when there is none, but not of a 100. */
export function buildResponse(request: SipRequest, reply: Reply, tag: string): SipResponse {
  const headers: Array<readonly [string, string]> = [...(reply.headers ?? [])];
  const timestamp = request.headers.get("Timestamp");
  if (reply.status === 100 && timestamp !== undefined) headers.push(["Timestamp", timestamp]);
  if (reply.body) headers.push(["Content-Type", reply.body.type]);
  const tagged = reply.status === 100 || request.to.params.has("tag");
  return {
    kind: "response",
    status: reply.status,
    reason: reply.reason ?? reasonPhrase(reply.status),
    via: request.via,
    from: request.from,
    to: tagged ? request.to : withParam(request.to, "tag", tag),
    callId: request.callId,
    cseq: request.cseq,
    contact: [],
    recordRoute: [],
    headers: createHeaders(headers),
    body: reply.body ? Buffer.from(reply.body.content) : Buffer.alloc(0),
  };
}

/** Of a response to a request of which nothing is kept. */
export const statelessTagOf = ({ callId, from, cseq }: SipRequest): string =>
  statelessTag(callId, from.params.get("tag") ?? "", String(cseq.sequence));

/** A tag that comes out the same for the same request: who keeps no state still answers alike (RFC 3261 8.2.7). */
export function statelessTag(...of: string[]): string {
  return createHash("sha1").update(of.join("\n")).digest("hex").slice(0, 16);
}
