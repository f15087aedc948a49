import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";
import type { SipRequest } from "../../../../src/carriers/sip/message/message.ts";
import { nameAddr, writeNameAddr } from "../../../../src/carriers/sip/message/nameAddr.ts";
import { sipUri, writeUri } from "../../../../src/carriers/sip/message/uri.ts";
import { callAddresses, gatewayUri } from "../../../../src/carriers/sip/trunks/addresses.ts";
import { callerOf } from "../../../../src/carriers/sip/trunks/callerOf.ts";
import { formatNumber } from "../../../../src/carriers/sip/trunks/formatNumber.ts";
import { createGatewayBoard } from "../../../../src/carriers/sip/trunks/gateway-board.ts";
import { isMadeFor } from "../../../../src/carriers/sip/trunks/isMadeFor.ts";
import { isInNetworks } from "../../../../src/carriers/sip/trunks/networks.ts";
import { createTally } from "../../../../src/carriers/sip/trunks/tally.ts";
import type { Gateway } from "../../../../src/core/trunks/trunk.ts";
import { address } from "../peer.ts";

describe("a number goes out", () => {
  test("as the trunk wants it written", () => {
    assert.equal(formatNumber("+972501234567", "e164", "IL"), "+972501234567");
    assert.equal(formatNumber("+972501234567", "international", "IL"), "972501234567");
    assert.equal(formatNumber("+972501234567", "national", "IL"), "0501234567");
    assert.equal(formatNumber("+14155551234", "national", "US"), "4155551234");
    // Abroad there is no national form, and a number of no country has none at all.
    assert.equal(formatNumber("+14155551234", "national", "IL"), "+14155551234");
    assert.equal(formatNumber("+972501234567", "national", undefined), "+972501234567");
  });

  const udp: Gateway = { protocol: "udp", host: "192.0.2.1", port: 5060 };
  const call = { from: "+97231234567", to: "+972501234567" };

  test("to the gateway itself when the trunk has no domain, with its port and transport (RFC 3261 19.1.1)", () => {
    const uri = (gateway: Gateway) => writeUri(callAddresses({ domain: null, caller_id: "e164" }, gateway, call).uri);
    assert.equal(uri(udp), "sip:+972501234567@192.0.2.1;user=phone");
    assert.equal(uri({ ...udp, port: 5070 }), "sip:+972501234567@192.0.2.1:5070;user=phone");
    assert.equal(uri({ protocol: "tls", host: "2001:db8::1", port: 5061 }), "sip:+972501234567@[2001:db8::1];transport=tls;user=phone");
    assert.equal(
      writeUri(gatewayUri({ domain: "Clinic.example.com" }, { ...udp, protocol: "tcp", port: 5070 }, null)),
      "sip:clinic.example.com;transport=tcp",
    );
  });

  test("with the caller in From and P-Asserted-Identity (RFC 3325)", () => {
    const { from, to, assertedIdentity, uri } = callAddresses({ domain: "example.com", caller_id: "national" }, udp, call);
    assert.equal(writeNameAddr(from), "<sip:031234567@example.com>");
    assert.equal(writeNameAddr(to), "<sip:0501234567@example.com>");
    assert.equal(writeNameAddr(assertedIdentity), "<sip:031234567@example.com>");
    assert.equal(writeUri(uri), "sip:0501234567@example.com");
  });
});

describe("who calls", () => {
  const request = (from: string, headers: ReadonlyArray<readonly [string, string]> = []): SipRequest => ({
    kind: "request",
    method: "INVITE",
    uri: sipUri({ host: "example.com" }),
    maxForwards: 70,
    via: [],
    route: [],
    from: address(from),
    to: nameAddr(sipUri({ host: "example.com" })),
    callId: "a",
    cseq: { sequence: 1, method: "INVITE" },
    contact: [],
    recordRoute: [],
    headers: createHeaders(headers),
    body: Buffer.alloc(0),
  });
  const who = (from: string, headers: ReadonlyArray<readonly [string, string]> = []) => {
    const caller = callerOf(request(from, headers), "IL");
    return [caller.from, caller.fromName];
  };

  test("stands in From, in whatever form can be read", () => {
    for (const user of ["+972501234567", "972501234567", "0501234567", "00972501234567", "+972-50-123-4567;phone-context=x"]) {
      assert.deepEqual(who(`<sip:${user}@example.com>`), ["+972501234567", null], user);
    }
    assert.deepEqual(who("<tel:+972501234567>"), ["+972501234567", null]);
    assert.deepEqual(who('"Dana Levi" <sip:0501234567@example.com>'), ["+972501234567", "Dana Levi"]);
    assert.deepEqual(who('"0501234567" <sip:0501234567@example.com>'), ["+972501234567", null]);
    assert.deepEqual(who('"Reception" <sip:reception@example.com>'), [null, "Reception"]);
  });

  test("stands in P-Asserted-Identity before From (RFC 3325 9.1)", () => {
    assert.deepEqual(who("<sip:100@pbx>", [["P-Asserted-Identity", '"Dana" <sip:+972501234567@example.com>, <tel:+972501234567>']]), [
      "+972501234567",
      "Dana",
    ]);
    assert.deepEqual(who("<sip:0501234567@pbx>", [["P-Asserted-Identity", "<sip:somebody@example.com>"]]), ["+972501234567", null]);
  });

  test("is not shown when the caller does not want that (RFC 3323 4.2, RFC 3325 9.3)", () => {
    const identity = ["P-Asserted-Identity", "<sip:+972501234567@example.com>"] as const;
    assert.deepEqual(who('"Dana" <sip:+972501234567@example.com>', [["Privacy", "id"]]), [null, null]);
    assert.deepEqual(who("<sip:+972501234567@example.com>", [["Privacy", "header;user;critical"]]), [null, null]);
    assert.deepEqual(who('"Anonymous" <sip:anonymous@anonymous.invalid>', [identity]), [null, null]);
    assert.deepEqual(who("<sip:100@pbx>", [identity, ["Privacy", "none"]]), ["+972501234567", null]);
  });
});

describe("credentials that were made for one URI may come with a call to another", () => {
  const made = (one: string, other: string) => isMadeFor(address(`<${one}>`).uri, address(`<${other}>`).uri);

  test("when a proxy on the way has written the number differently, or another host (RFC 3261 22.4, 6)", () => {
    for (const [one, other] of [
      ["sip:+972551234567@voice.example.com", "sip:+972551234567@192.0.2.1"],
      ["sip:0551234567@voice.example.com", "sip:+972551234567@192.0.2.1"],
      ["sip:+972551234567@voice.example.com", "sip:0551234567@192.0.2.1"],
      ["sip:0551234567@voice.example.com", "sip:972551234567@192.0.2.1"],
      ["sip:00972551234567@voice.example.com", "sip:0551234567@192.0.2.1"],
      ["sip:+972551234567@voice.example.com;user=phone", "sip:972551234567@192.0.2.1"],
      ["tel:+972-55-123-4567", "sip:+972551234567;npdi@192.0.2.1"],
      ["tel:0551234567;phone-context=+972", "sip:+972551234567@192.0.2.1"],
      ["sip:4155551234@example.com", "sip:+14155551234@example.com"],
      ["sip:clinic@example.com", "sip:clinic@192.0.2.1"],
      ["sip:voice.example.com", "sip:+972551234567@192.0.2.1"],
    ] as const)
      assert.equal(made(one, other), true, `${one} ${other}`);
    assert.equal(isMadeFor(null, sipUri({ user: "1", host: "example.com" })), true);
  });

  test("but not when the number is another one: they may have been overheard", () => {
    for (const [one, other] of [
      ["sip:+972551234567@example.com", "sip:+19005550100@example.com"],
      ["sip:0551234567@example.com", "sip:+972551234568@example.com"],
      ["sip:0551234567@example.com", "sip:0551234568@example.com"],
      ["tel:+972551234567", "tel:+19005550100"],
      ["sip:clinic@example.com", "sip:+972551234567@example.com"],
      ["sip:100@example.com", "sip:200@example.com"],
      ["sip:+972551234567@example.com", "sip:example.com"],
    ] as const)
      assert.equal(made(one, other), false, `${one} ${other}`);
  });
});

test("an address is in a trunk's networks, of either IP version", () => {
  const of =
    (...inbound_networks: string[]) =>
    (source: string) =>
      isInNetworks({ inbound_networks }, source);
  const inside = of("192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32");
  for (const source of ["192.0.2.1", "192.0.2.255", "198.51.100.7", "2001:db8::5"]) assert.ok(inside(source), source);
  for (const source of ["192.0.3.1", "198.51.100.8", "2001:db9::5", "::1"]) assert.ok(!inside(source), source);
  assert.ok(!of()("127.0.0.1"));
});

test("gateways that are down or rest are tried last, each group in its order", () => {
  let now = 0;
  const board = createGatewayBoard(() => now);
  const gateways: Gateway[] = [1, 2, 3].map((port) => ({ protocol: "udp", host: "192.0.2.1", port }));
  const [a, b, c] = gateways;
  assert.ok(a && b && c);
  const order = () => board.order({ id: "t", gateways }).map(({ port }) => port);
  assert.deepEqual(order(), [1, 2, 3]);
  assert.equal(board.set("t", a, "down"), true);
  assert.equal(board.set("t", a, "down"), false);
  assert.deepEqual(order(), [2, 3, 1]);
  board.rest("t", b, 1_000);
  assert.deepEqual(order(), [3, 1, 2]);
  now = 1_001;
  assert.deepEqual(order(), [2, 3, 1]);
  board.set("t", a, "up");
  board.rest("t", c, 86_400_000);
  assert.deepEqual(order(), [1, 2, 3].filter((port) => port !== 3).concat(3));
  // Nobody rests for more than five minutes.
  now += 5 * 60_000 + 1;
  assert.deepEqual(order(), [1, 2, 3]);
});

test("a tally forgets after its window, and the oldest keys when there are too many", () => {
  let now = 0;
  const tally = createTally({ windowMs: 100, mostKeys: 2, now: () => now });
  assert.deepEqual([tally.add("a"), tally.add("a"), tally.count("a"), tally.count("b")], [1, 2, 2, 0]);
  now = 100;
  assert.equal(tally.count("a"), 0);
  assert.equal(tally.add("a"), 1);
  tally.add("b");
  tally.add("c");
  assert.deepEqual([tally.count("a"), tally.count("b"), tally.count("c")], [0, 1, 1]);
});
