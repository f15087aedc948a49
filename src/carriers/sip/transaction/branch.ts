import { randomBytes } from "node:crypto";
import type { Protocol } from "../endpoint.ts";
import type { SipRequest, Via } from "../message/message.ts";
import { via } from "../message/via.ts";
import type { HostPort } from "../transport/path.ts";

/** RFC 3261 8.1.1.7: a branch that begins so is unique in space and time. */
export const MAGIC_COOKIE = "z9hG4bK";

export function newBranch(): string {
  return MAGIC_COOKIE + randomBytes(12).toString("hex");
}

/** Our Via; over UDP we ask for the answer to come back to where the request came from (RFC 3581 3). */
export function ownVia(protocol: Protocol, sentBy: HostPort, branch: string): Via {
  const params: Array<[string, string | null]> = [["branch", branch]];
  if (protocol === "udp") params.push(["rport", null]);
  return via({ transport: protocol.toUpperCase(), host: sentBy.host, port: sentBy.port, params });
}

export function withOwnVia(request: SipRequest, own: Via): SipRequest {
  return { ...request, via: [own] };
}
