import assert from "node:assert/strict";
import { test } from "node:test";
import { type Dialog, hopOf, metAgain, requestIn } from "../../../../src/carriers/sip/dialog/dialog.ts";
import type { Protocol, Target } from "../../../../src/carriers/sip/endpoint.ts";
import { address } from "../peer.ts";

const GATEWAY: Target = { protocol: "tls", host: "gw.example.com", port: 5071 };

const dialog = (remoteTarget: string, routes: readonly string[] = [], firstHop = GATEWAY, incoming = false): Dialog => ({
  callId: "c",
  local: address("<sip:us@example.com>;tag=a"),
  remote: address("<sip:them@example.com>;tag=b"),
  contact: address("<sip:us@192.0.2.1>"),
  remoteTarget: address(`<${remoteTarget}>`).uri,
  routeSet: routes.map((route) => address(`<${route}>`)),
  localSequence: 3,
  remoteSequence: null,
  firstHop,
  incoming,
});

const met = (protocol: Protocol, address: string, port: number, host = address): Target => ({
  protocol,
  host,
  port,
  met: { protocol, address, port },
});

const hops: ReadonlyArray<readonly [what: string, Dialog, Target]> = [
  ["no port: the one of the DNS or the scheme", dialog("sip:x@192.0.2.7"), { protocol: "udp", host: "192.0.2.7", port: null }],
  ["what is said of transport and port", dialog("sip:x@192.0.2.7:5080;transport=TCP"), { protocol: "tcp", host: "192.0.2.7", port: 5080 }],
  ["TLS", dialog("sip:x@192.0.2.7;transport=tls"), { protocol: "tls", host: "192.0.2.7", port: null }],
  ["sips is TLS", dialog("sips:x@192.0.2.7;transport=tcp"), { protocol: "tls", host: "192.0.2.7", port: null }],
  ["IPv6 without brackets", dialog("sip:x@[2001:db8::1]:5070"), { protocol: "udp", host: "2001:db8::1", port: 5070 }],
  [
    "maddr goes before the host (RFC 3261 19.1.1)",
    dialog("sip:x@example.com;maddr=192.0.2.8"),
    { protocol: "udp", host: "192.0.2.8", port: null },
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

test("the connection that is there already is used for the other side's address, as well as for its name (RFC 5923)", () => {
  const gateway = met("tls", "198.51.100.1", 5061, "gw.example.com");
  assert.deepEqual(hopOf(dialog("sip:x@10.0.0.1", ["sip:198.51.100.1:5061;transport=tls;lr"], gateway)), gateway);
  assert.deepEqual(hopOf(dialog("sip:x@198.51.100.1", [], gateway)), gateway);
  // Another port is another server, another protocol another connection.
  const other = { protocol: "tls", host: "198.51.100.1", port: 5091 };
  assert.deepEqual(hopOf(dialog("sip:x@198.51.100.1:5091;transport=tls", [], gateway)), other);
  const plain = { protocol: "udp", host: "198.51.100.1", port: 5061 };
  assert.deepEqual(hopOf(dialog("sip:x@198.51.100.1:5061;transport=udp", [], gateway)), plain);
  // Who connected to us is connected to at the port of its Contact, when its own connection is gone.
  const caller = met("tcp", "198.51.100.2", 49_152);
  assert.deepEqual(hopOf(dialog("sip:x@198.51.100.2:5070;transport=tcp", [], caller, true)), { ...caller, port: 5070 });
  assert.deepEqual(hopOf(dialog("sip:x@198.51.100.2", [], caller, true)), { ...caller, port: null });
  assert.deepEqual(hopOf(dialog("sip:x@198.51.100.3;transport=tcp", [], caller, true)), {
    protocol: "tcp",
    host: "198.51.100.3",
    port: null,
  });
});

test("a private address of another network than the peer's is behind its NAT: back to where it was met", () => {
  const publicPeer = met("udp", "198.51.100.1", 1_024, "gw.example.com");
  const officePeer = met("udp", "192.168.1.10", 5_060);
  for (const host of ["10.0.0.7", "192.168.1.7", "172.17.0.2", "100.64.3.3", "127.0.0.1", "[fd00::1]"])
    assert.deepEqual(hopOf(dialog(`sip:x@${host}:5060`, [], publicPeer, true)), publicPeer, host);
  assert.deepEqual(hopOf(dialog("sip:x@172.17.0.2:5060", [], officePeer)), officePeer);
  assert.deepEqual(hopOf(dialog("sip:x@203.0.113.7", ["sip:10.0.0.1;lr"], publicPeer)), publicPeer);
  const straight = (host: string): Target => ({ protocol: "udp", host, port: null });
  // Of the same network, public, or a name: it is believed. So is everything of a proxy on this machine.
  assert.deepEqual(hopOf(dialog("sip:x@192.168.1.11", [], officePeer)), straight("192.168.1.11"));
  assert.deepEqual(hopOf(dialog("sip:x@203.0.113.7", [], officePeer)), straight("203.0.113.7"));
  assert.deepEqual(hopOf(dialog("sip:x@pbx.example.com", [], publicPeer)), straight("pbx.example.com"));
  assert.deepEqual(hopOf(dialog("sip:x@10.0.0.7", [], met("udp", "127.0.0.1", 5060))), straight("10.0.0.7"));
});

test("a caller behind a NAT is met where its last request came from; one whose Contact leads to it, and a gateway that we called, are not", () => {
  const [before, now] = [met("udp", "198.51.100.1", 1_024), met("udp", "198.51.100.9", 2_048)];
  const again = (of: Dialog, place: Target): Target => {
    assert.ok(place.met);
    metAgain(of, place.met);
    return hopOf(of);
  };
  assert.deepEqual(again(dialog("sip:x@10.0.0.7:5060", [], before, true), now), now);
  // A request that was too large for a datagram came over TCP: the binding of UDP is as it was.
  assert.deepEqual(again(dialog("sip:x@10.0.0.7:5060", [], before, true), met("tcp", "198.51.100.9", 2_048)), before);
  assert.deepEqual(again(dialog("sip:x@203.0.113.7:5060", [], before, true), now), { protocol: "udp", host: "203.0.113.7", port: 5060 });
  assert.deepEqual(again(dialog("sip:x@10.0.0.7:5060", [], before), now), before);
});

test("the Request-URI has no method and no headers (RFC 3261 19.1.1), and CSeq counts up", () => {
  const of = dialog("sip:x@192.0.2.7;method=INVITE;user=phone?Subject=a");
  const first = requestIn(of, { method: "INFO" });
  assert.deepEqual(first.uri, address("<sip:x@192.0.2.7;user=phone>").uri);
  assert.deepEqual([first.cseq.sequence, requestIn(of, { method: "BYE" }).cseq.sequence], [4, 5]);
  assert.equal(requestIn(of, { method: "ACK", sequence: 3 }).cseq.sequence, 3);
  assert.equal(of.localSequence, 5);
});
