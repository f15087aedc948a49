import { createHeaders } from "../../../../../src/carriers/sip/message/createHeaders.ts";
import type { SipRequest, SipResponse } from "../../../../../src/carriers/sip/message/message.ts";
import { nameAddr } from "../../../../../src/carriers/sip/message/nameAddr.ts";
import { sipUri } from "../../../../../src/carriers/sip/message/uri.ts";

let made = 0;

/** A request as a user agent hands it to an endpoint, outside of a dialog, each with a Call-ID of its own. */
export function makeRequest(method: string, more: Partial<SipRequest> = {}): SipRequest {
  made += 1;
  return {
    kind: "request",
    method,
    uri: sipUri({ user: "bob", host: "example.com" }),
    maxForwards: 70,
    via: [],
    route: [],
    from: nameAddr(sipUri({ user: "alice", host: "example.org" }), null, [["tag", `from-${made}`]]),
    to: nameAddr(sipUri({ user: "bob", host: "example.com" })),
    callId: `call-${made}@test`,
    cseq: { sequence: 1, method },
    contact: [],
    recordRoute: [],
    headers: createHeaders(),
    body: Buffer.alloc(0),
    ...more,
  };
}

export function makeResponse(status: number, more: Partial<SipResponse> = {}): SipResponse {
  const { via, from, to, callId, cseq, contact, recordRoute, headers, body } = makeRequest("INVITE");
  return { kind: "response", status, reason: "", via, from, to, callId, cseq, contact, recordRoute, headers, body, ...more };
}
