import { createHeaders } from "../message/createHeaders.ts";
import type { SipRequest, SipResponse } from "../message/message.ts";

/** The ACK for a final response other than 2xx (RFC 3261 17.1.1.3). */
export function buildAck(invite: SipRequest, final: SipResponse): SipRequest {
  return { ...followUp(invite, "ACK"), to: final.to };
}

/** CANCEL of a request as it was sent (RFC 3261 9.1). `reason`: a Reason header's value (RFC 3326). */
export function buildCancel(invite: SipRequest, reason: string | undefined): SipRequest {
  const cancel = followUp(invite, "CANCEL");
  return reason ? { ...cancel, headers: cancel.headers.with("Reason", reason) } : cancel;
}

/** The same topmost Via, Request-URI, Route, From, To and Call-ID; the same sequence number. */
function followUp(invite: SipRequest, method: "ACK" | "CANCEL"): SipRequest {
  return {
    kind: "request",
    method,
    uri: invite.uri,
    maxForwards: 70,
    via: invite.via.slice(0, 1),
    route: invite.route,
    from: invite.from,
    to: invite.to,
    callId: invite.callId,
    cseq: { sequence: invite.cseq.sequence, method },
    contact: [],
    recordRoute: [],
    headers: createHeaders(),
    body: Buffer.alloc(0),
  };
}
