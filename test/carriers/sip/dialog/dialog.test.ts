import assert from "node:assert/strict";
import { test } from "node:test";
import { type Dialog, hopOf, requestIn } from "../../../../src/carriers/sip/dialog/dialog.ts";
import type { Target } from "../../../../src/carriers/sip/endpoint.ts";
import { address } from "../peer.ts";

const GATEWAY: Target = { protocol: "tls", host: "gw.example.com", port: 5071 };

const dialog = (remoteTarget: string, routes: readonly string[] = [], firstHop = GATEWAY): Dialog => ({
  callId: "c",
  local: address("<sip:us@example.com>;tag=a"),
  remote: address("<sip:them@example.com>;tag=b"),
  contact: address("<sip:us@192.0.2.1>"),
  remoteTarget: address(`<${remoteTarget}>`).uri,
  routeSet: routes.map((route) => address(`<${route}>`)),
  localSequence: 3,
  remoteSequence: null,
  firstHop,
});

const hops: ReadonlyArray<readonly [what: string, Dialog, Target]> = [
  ["the port of the scheme", dialog("sip:x@192.0.2.7"), { protocol: "udp", host: "192.0.2.7", port: 5060 }],
  ["what is said of transport and port", dialog("sip:x@192.0.2.7:5080;transport=TCP"), { protocol: "tcp", host: "192.0.2.7", port: 5080 }],
  ["TLS has another port", dialog("sip:x@192.0.2.7;transport=tls"), { protocol: "tls", host: "192.0.2.7", port: 5061 }],
  ["sips is TLS", dialog("sips:x@192.0.2.7;transport=tcp"), { protocol: "tls", host: "192.0.2.7", port: 5061 }],
  ["IPv6 without brackets", dialog("sip:x@[2001:db8::1]:5070"), { protocol: "udp", host: "2001:db8::1", port: 5070 }],
  [
    "maddr goes before the host (RFC 3261 19.1.1)",
    dialog("sip:x@example.com;maddr=192.0.2.8"),
    { protocol: "udp", host: "192.0.2.8", port: 5060 },
  ],
  ["the place that we talk to already, without a transport", dialog("sip:x@gw.example.com:5071"), GATEWAY],
  ["the same, without a port too", dialog("sip:x@GW.example.com"), GATEWAY],
  [
    "the first route",
    dialog("sip:x@192.0.2.7", ["sip:192.0.2.9:5090;lr", "sip:192.0.2.10;lr"]),
    { protocol: "udp", host: "192.0.2.9", port: 5090 },
  ],
  ["no SIP URI at all", dialog("tel:+972501234567"), GATEWAY],
];

test("where requests of a dialog go (RFC 3261 12.2.1.1, RFC 3263 4.1)", () => {
  for (const [what, of, target] of hops) assert.deepEqual(hopOf(of), target, what);
});

test("the Request-URI has no method and no headers (RFC 3261 19.1.1), and CSeq counts up", () => {
  const of = dialog("sip:x@192.0.2.7;method=INVITE;user=phone?Subject=a");
  const first = requestIn(of, { method: "INFO" });
  assert.deepEqual(first.uri, address("<sip:x@192.0.2.7;user=phone>").uri);
  assert.deepEqual([first.cseq.sequence, requestIn(of, { method: "BYE" }).cseq.sequence], [4, 5]);
  assert.equal(requestIn(of, { method: "ACK", sequence: 3 }).cseq.sequence, 3);
  assert.equal(of.localSequence, 5);
});
