import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGateway } from "../../../src/core/trunks/parseGateway.ts";
import { parseHost } from "../../../src/core/trunks/parseHost.ts";
import { parseNetwork } from "../../../src/core/trunks/parseNetwork.ts";
import { gatewayName } from "../../../src/core/trunks/trunk.ts";

const gateways: Array<[text: string, name: string]> = [
  ["udp:sip.example.com:5060", "udp:sip.example.com:5060"],
  ["UDP:SIP.Example.COM", "udp:sip.example.com"],
  ["tcp:sip.example.com", "tcp:sip.example.com"],
  ["tls:sip.example.com", "tls:sip.example.com"],
  [" tls:192.0.2.1:443 ", "tls:192.0.2.1:443"],
  ["udp:[2001:DB8::1]", "udp:[2001:db8::1]:5060"],
  ["udp:localhost:65535", "udp:localhost:65535"],
  ["udp:sip.example.com.:1", "udp:sip.example.com:1"],
  ["udp:bücher.example", "udp:xn--bcher-kva.example"],
];
for (const [text, name] of gateways) {
  test(`${text.trim()} is the gateway ${name}, and so is that`, () => {
    const gateway = parseGateway(text);
    assert.ok(gateway);
    assert.equal(gatewayName(gateway), name);
    assert.deepEqual(parseGateway(name), gateway);
  });
}

const noGateways = [
  "",
  "udp",
  "udp:",
  "udp::5060",
  "sip:sip.example.com",
  "sip.example.com:5060",
  "ws:sip.example.com",
  "udp:sip.example.com:0",
  "udp:sip.example.com:65536",
  "udp:sip.example.com:5o6o",
  "udp:sip.example.com:",
  "udp:2001:db8::1",
  "udp:[sip.example.com]",
  "udp:[2001:db8::1",
  "udp:[fe80::1%eth0]",
  "udp:0.0.0.0",
  "udp:[::]",
  "udp:300.1.1.1",
  "udp:1.2.3",
  "udp:0x7f.1",
  "udp:-a.example",
  "udp:a_b.example",
  "udp:a..example",
  "udp:a b.example",
  "udp:user@sip.example.com",
  "udp:sip.example.com;transport=udp",
  `udp:${"a".repeat(64)}.example`,
  `udp:${"a.".repeat(130)}example`,
];
for (const text of noGateways) {
  test(`"${text.slice(0, 40)}" is no gateway`, () => assert.equal(parseGateway(text), undefined));
}

test("a host is a name or an address, IPv6 with or without brackets", () => {
  assert.equal(parseHost("2001:db8::1"), "2001:db8::1");
  assert.equal(parseHost("[2001:db8::1]"), "2001:db8::1");
  assert.equal(parseHost("Clinic.pstn.example"), "clinic.pstn.example");
  assert.equal(parseHost("[192.0.2.1"), undefined);
});

const networks: Array<[text: string, cidr: string]> = [
  ["203.0.113.0/24", "203.0.113.0/24"],
  ["203.0.113.7", "203.0.113.7/32"],
  ["10.0.0.0/8", "10.0.0.0/8"],
  ["0.0.0.0/0", "0.0.0.0/0"],
  ["255.255.255.255/32", "255.255.255.255/32"],
  ["2001:DB8::/32", "2001:db8::/32"],
  ["2001:db8:0:0:1::", "2001:db8:0:0:1::/128"],
  ["::1", "::1/128"],
  ["::/0", "::/0"],
  ["::ffff:203.0.113.0/120", "203.0.113.0/24"],
  ["::ffff:cb00:7107", "203.0.113.7/32"],
];
for (const [text, cidr] of networks) {
  test(`${text} is the network ${cidr}`, () => {
    const network = parseNetwork(text);
    assert.equal("cidr" in network && network.cidr, cidr);
  });
}

const noNetworks: Array<[text: string, says: RegExp]> = [
  ["", /no IP network/],
  ["sip.example.com", /no IP network/],
  ["203.0.113.0/33", /length of 0 to 32/],
  ["2001:db8::/129", /length of 0 to 128/],
  ["203.0.113.0/", /no IP network/],
  ["203.0.113.0/-1", /no IP network/],
  ["203.0.113.0/24/24", /no IP network/],
  ["fe80::1%eth0", /no IP network/],
  ["203.0.113.7/24", /write 203\.0\.113\.0\/24, or 203\.0\.113\.7 for the one address/],
  ["2001:db8::7/32", /write 2001:db8::\/32, or 2001:db8::7 /],
  ["::ffff:203.0.113.7/120", /write 203\.0\.113\.0\/24/],
];
for (const [text, says] of noNetworks) {
  test(`"${text}" is no network, and the words say why`, () => {
    const network = parseNetwork(text);
    assert.match("wrong" in network ? network.wrong : "", says);
  });
}
