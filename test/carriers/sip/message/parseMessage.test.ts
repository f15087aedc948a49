import assert from "node:assert/strict";
import { test } from "node:test";
import { parseMessage } from "../../../../src/carriers/sip/message/parseMessage.ts";
import { writeMessage } from "../../../../src/carriers/sip/message/writeMessage.ts";

const lines = (...all: string[]): Buffer => Buffer.from(`${all.join("\r\n")}\r\n\r\n`);
const invite = lines(
  "INVITE sip:+972501234567@gw.example.com:5080;user=phone SIP/2.0",
  "Via: SIP/2.0/TCP proxy.example.com;branch=z9hG4bKa, SIP/2.0/UDP [2001:db8::1]:5070;branch=z9hG4bKb;rport",
  "v: SIP / 2.0 / TLS host : 5061 ;branch = z9hG4bKc",
  "Max-Forwards: 70",
  'f: "Ann \\"the\\" Caller, sales" <sip:ann%40home@example.com>;tag=1',
  "t: sip:bob@example.com;tag=2",
  "i: abc@host",
  "CSeq: 0007 INVITE",
  "m: <sip:ann@192.0.2.4>;expires=60",
  "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
  "Route: <sip:p3.example.com;lr>",
  "k: 100rel,",
  " timer",
  "Supported: replaces",
  "X-Unknown: a, b",
  "l: 0",
);

test("the fields of a request stand parsed, compact and folded ones too (RFC 3261 7.3)", () => {
  const result = parseMessage(invite);
  assert.ok(result.ok);
  const message = result.message;
  assert.ok(message.kind === "request");
  assert.equal(message.method, "INVITE");
  assert.ok(message.uri.kind === "sip");
  assert.equal(message.uri.user, "+972501234567");
  assert.equal(message.uri.port, 5080);
  assert.equal(message.uri.params.get("user"), "phone");
  assert.deepEqual(
    message.via.map((via) => [via.transport, via.host, via.port, via.params.get("branch")]),
    [
      ["TCP", "proxy.example.com", null, "z9hG4bKa"],
      ["UDP", "[2001:db8::1]", 5070, "z9hG4bKb"],
      ["TLS", "host", 5061, "z9hG4bKc"],
    ],
  );
  assert.equal(message.via[1]?.params.get("rport"), null);
  assert.equal(message.from.displayName, 'Ann "the" Caller, sales');
  assert.equal(message.from.uri.kind === "sip" && message.from.uri.user, "ann@home");
  assert.equal(message.to.params.get("tag"), "2");
  assert.deepEqual(message.cseq, { sequence: 7, method: "INVITE" });
  assert.equal(message.recordRoute.length, 2);
  assert.equal(message.route.length, 1);
  assert.deepEqual(message.headers.all("supported"), ["100rel", "timer", "replaces"]);
  assert.deepEqual(message.headers.all("X-Unknown"), ["a, b"]);
  assert.equal(message.headers.has("Via"), false);
  const again = parseMessage(writeMessage(message));
  assert.ok(again.ok);
  assert.deepEqual(writeMessage(again.message), writeMessage(message));
});
