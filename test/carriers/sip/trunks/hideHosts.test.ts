import assert from "node:assert/strict";
import { test } from "node:test";
import { hideHosts } from "../../../../src/carriers/sip/trunks/hideHosts.ts";

const HIDDEN: ReadonlyArray<readonly [text: string, told: string]> = [
  ["udp:sip.example.com:5060: timed out; tls:[2001:db8::1]: timed out", "the gateway: timed out; the gateway: timed out"],
  ["no answer of any kind within 0.06 s (127.0.0.1:5060)", "no answer of any kind within 0.06 s (the gateway)"],
  ["the host name sip.example.com cannot be resolved", "the host name the gateway cannot be resolved"],
  ["the certificate of pbx is for a.example, b-2.example", "the certificate of the gateway is for the gateway, the gateway"],
  ["the certificate of pbx is for *.example.net", "the certificate of the gateway is for the gateway"],
  ["no route to 2001:db8::1.", "no route to the gateway."],
  ["[2001:db8::1]:5060 closed the connection", "the gateway closed the connection"],
  [
    "302 Moved: redirects, here to sip:+97250@192.0.2.9;user=phone, are not followed",
    "302 Moved: redirects, here to the gateway;user=phone, are not followed",
  ],
  ["no route to 101@sip.example.com", "no route to the gateway"],
  ["Rejected by host=192.0.2.7|node=b2.example", "Rejected by host=the gateway|node=the gateway"],
  ["UDP/192.0.2.7:5060 is unavailable, see sip.example.com/status", "UDP/the gateway is unavailable, see the gateway/status"],
];
for (const [text, told] of HIDDEN) test(`a tenant reads "${told}"`, () => assert.equal(hideHosts(text, ["pbx"]), told));

const SHOWN = [
  "no circuit is free (503 Service Unavailable, Q.850 34)",
  "486 Busy Here",
  "the other side hung up: Normal call clearing.",
  "no codec in common: they have G722/8000, we PCMA, PCMU",
  "no audio came from the other side for 60 s",
  "486 +972-50-123-4567 is busy until 2026-11-20T12:30:45Z, SIP/2.0 Q.850/17 cause=17",
  "nothing was said, i.e. e.g. nobody spoke at 12:30:45",
];
for (const text of SHOWN) test(`"${text}" names no host`, () => assert.equal(hideHosts(text, ["pbx"]), text));

test("words from afar are looked at once, however they are made", () => {
  // Who begins again at every character is at it for minutes.
  for (const made of [".", "a.", "1:", ":1", "a-", "@", "sip:", "="]) {
    const text = `${made.repeat(1_000_000)}_`;
    assert.equal(typeof hideHosts(text, ["pbx"]), "string");
  }
});
