import assert from "node:assert/strict";
import { test } from "node:test";
import { trunkNotes } from "../../src/cli/trunk-words.ts";
import { readConfig } from "../../src/config.ts";

const OVER_TLS = {
  gateways: [{ protocol: "tls" as const, host: "sip.example.com", port: 5061 }],
  srtp: "require" as const,
  inbound_networks: ["203.0.113.0/24"],
  username: null,
};
const LISTENS = { SIP_LISTEN: "tls:0.0.0.0:5061", SIP_TLS_CERT: "cert.pem", SIP_TLS_KEY: "key.pem" };

test("a gateway over TLS without a listener for TLS: whoever set it up is told what does not come, and what to add", () => {
  const [note, ...more] = trunkNotes(OVER_TLS, readConfig({}));
  assert.match(note ?? "", /^Nobody can connect to this machine over TLS: .* add tls:0\.0\.0\.0:5061 to SIP_LISTEN/);
  assert.deepEqual(more, []);
  assert.deepEqual(trunkNotes(OVER_TLS, readConfig(LISTENS)), []);
  const overUdp = { ...OVER_TLS, gateways: [{ protocol: "udp" as const, host: "sip.example.com", port: 5060 }], srtp: "off" as const };
  assert.deepEqual(trunkNotes(overUdp, readConfig({})), []);
});
