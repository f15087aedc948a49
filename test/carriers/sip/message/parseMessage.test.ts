import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createHeaders } from "../../../../src/carriers/sip/message/createHeaders.ts";
import type { SipMessage, SipRequest } from "../../../../src/carriers/sip/message/message.ts";
import { nameAddr } from "../../../../src/carriers/sip/message/nameAddr.ts";
import { parseMessage } from "../../../../src/carriers/sip/message/parseMessage.ts";
import { sipUri } from "../../../../src/carriers/sip/message/uri.ts";
import { via } from "../../../../src/carriers/sip/message/via.ts";
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

const start = "OPTIONS sip:a@b SIP/2.0";
const needed = ["Via: SIP/2.0/UDP h;branch=1", "From: <sip:a@b>;tag=1", "To: <sip:a@b>", "Call-ID: c", "CSeq: 1 OPTIONS"];
const refusal = (...all: string[]): string => {
  const result = parseMessage(lines(...all));
  return result.ok ? "read" : `${result.status} ${result.detail}`;
};
const without = (name: string): string[] => needed.filter((line) => !line.startsWith(`${name}:`));

test("what every message must have is missed in words (RFC 3261 8.1.1)", () => {
  assert.equal(refusal(start, ...needed), "read");
  for (const name of ["Via", "From", "To", "Call-ID", "CSeq"]) assert.equal(refusal(start, ...without(name)), `400 no ${name}`);
});

test("fields that can be there once are refused twice; others are not (RFC 3261 7.3.1)", () => {
  assert.equal(refusal(start, ...needed, "t: <sip:x@y>"), "400 t more than once");
  assert.equal(refusal(start, ...needed, "Max-Forwards: 1", "Max-Forwards: 1"), "400 Max-Forwards more than once");
  assert.equal(refusal(start, ...needed, "l: 0", "Content-Length: 0"), "400 Content-Length more than once");
  assert.equal(refusal(start, ...needed, "User-Agent: a", "User-Agent: b"), "read");
});

test("numbers have their bounds (RFC 3261 8.1.1.5, 20.22, 18.3)", () => {
  const cseq = (value: string) => refusal(start, ...without("CSeq"), `CSeq: ${value}`);
  assert.equal(cseq("2147483647 OPTIONS"), "read");
  assert.equal(cseq("0 OPTIONS"), "read");
  assert.match(cseq("2147483648 OPTIONS"), /^400 CSeq cannot be read/);
  for (const wrong of ["", "1", "OPTIONS", "-1 OPTIONS", "1.0 OPTIONS", "1 OPT IONS", "1 OPTIONS;x"])
    assert.match(cseq(wrong), /^400 CSeq/, wrong);
  assert.equal(cseq("1 INVITE"), "400 CSeq is of INVITE, the request is OPTIONS");
  for (const [value, fine] of [
    ["255", true],
    ["0", true],
    ["256", false],
    ["-1", false],
    ["", false],
    ["7 0", false],
  ] as const) {
    assert.equal(refusal(start, ...needed, `Max-Forwards: ${value}`) === "read", fine, value);
  }
  assert.match(refusal(start, ...needed, "Content-Length: 1"), /^400 Content-Length is 1, the body has 0 bytes/);
  assert.match(refusal(start, ...needed, "Content-Length: 0x1"), /^400 Content-Length cannot be read/);
});

test("the start line is of three parts with single spaces (RFC 3261 7.1, 7.2)", () => {
  assert.equal(refusal("options sip:a@b sip/2.0", ...without("CSeq"), "CSeq: 1 options"), "read");
  assert.match(refusal("OPTIONS sip:a@b SIP/3.0", ...needed), /^505 not SIP\/2.0: SIP\/3.0/);
  assert.match(refusal("OPTIONS SIP/2.0", ...needed), /^400 Request-Line/);
  for (const none of [
    "",
    "GET / HTTP/1.1",
    "SIP/2.0 99 x",
    "SIP/2.0 700 x",
    "SIP/2.0 2000 x",
    "SIP/1.0 200 x",
    "hello",
    "OPT(IONS sip:a@b SIP/2.0",
    `${"\0".repeat(30)}`,
  ]) {
    const result = parseMessage(lines(none, ...needed));
    assert.ok(!result.ok);
    assert.equal(result.request, null, none);
  }
});

test("line breaks before a message are passed over, and those that are none are refused (RFC 3261 7.5)", () => {
  assert.ok(parseMessage(Buffer.concat([Buffer.from("\r\n\r\n"), lines(start, ...needed)])).ok);
  assert.equal(refusal(start, ...needed, "X: a\nVia: b"), "400 a line break that is not CR LF");
  assert.equal(refusal(start, ...needed, "X: a\rb"), "400 a line break that is not CR LF");
  assert.equal(refusal(start, " folded: x", ...needed), "400 a continuation line that continues nothing");
  assert.equal(refusal(start, ...needed, "no header"), "400 a line that is no header field");
  assert.equal(refusal(start, ...needed, ": x"), "400 a line that is no header field");
  const cut = parseMessage(lines(start, ...needed).subarray(0, -2));
  assert.equal(!cut.ok && cut.detail, "no empty line behind the header");
});

test("beyond the limits a message is refused with 513 (RFC 3261 21.5.14)", () => {
  assert.equal(refusal(start, ...needed, `X: ${"y".repeat(9000)}`), "513 a header field of more than 8192 bytes");
  assert.equal(refusal(start, ...needed, ...Array.from({ length: 300 }, () => "X: y")), "513 more than 256 header fields");
  const large = parseMessage(Buffer.concat([lines(start, ...needed), Buffer.alloc(70_000)]));
  assert.equal(!large.ok && large.status, 513);
  assert.equal(!large.ok && large.request?.callId, "c");
});

test("Contact * is for REGISTER, and alone (RFC 3261 10.2.2)", () => {
  const register = ["REGISTER sip:b SIP/2.0", ...without("CSeq"), "CSeq: 1 REGISTER"];
  const result = parseMessage(lines(...register, "Contact: *", "Expires: 0"));
  assert.equal(result.ok && result.message.contact, "*");
  assert.match(refusal(...register, "Contact: *", "Contact: <sip:a@b>"), /^400 Contact \*/);
  assert.match(refusal(...register, "Contact: *, <sip:a@b>"), /^400 Contact/);
  assert.match(refusal(start, ...needed, "Contact: *"), /^400 Contact \*/);
});

test("header text that is no UTF-8 is read as Latin-1, line by line", () => {
  const bytes = Buffer.concat([Buffer.from(`${start}\r\nSubject: caf\xe9\r\n`, "latin1"), Buffer.from("X: café\r\n"), lines(...needed)]);
  const result = parseMessage(bytes);
  assert.ok(result.ok);
  assert.deepEqual([result.message.headers.get("subject"), result.message.headers.get("x")], ["café", "café"]);
});

const request = (over: Partial<SipRequest> = {}): SipRequest => ({
  kind: "request",
  method: "INVITE",
  uri: sipUri({ user: "a", host: "b" }),
  via: [via({ transport: "UDP", host: "h" })],
  from: nameAddr(sipUri({ host: "b" })),
  to: nameAddr(sipUri({ host: "b" })),
  callId: "c",
  cseq: { sequence: 1, method: "INVITE" },
  maxForwards: 70,
  contact: [],
  recordRoute: [],
  route: [],
  headers: createHeaders(),
  body: Buffer.alloc(0),
  ...over,
});

test("no value can add a header field, or be what it is not", () => {
  const bad: Partial<SipRequest>[] = [
    { headers: createHeaders([["X", "a\r\nVia: b"]]) },
    { headers: createHeaders([["X", "a\nb"]]) },
    { headers: createHeaders([["X: y\r\nZ", "a"]]) },
    { headers: createHeaders([["", "a"]]) },
    { headers: createHeaders([["Via", "SIP/2.0/UDP h"]]) },
    { headers: createHeaders([["l", "5"]]) },
    { headers: createHeaders([["Max-Forwards", "5"]]) },
    { callId: "a\r\nb" },
    { callId: "a b" },
    { callId: "" },
    { method: "INVITE sip:x" },
    { cseq: { sequence: -1, method: "INVITE" } },
    { cseq: { sequence: 1.5, method: "INVITE" } },
    { maxForwards: Number.NaN },
  ];
  assert.doesNotThrow(() => writeMessage(request()));
  for (const over of bad) assert.throws(() => writeMessage(request(over)), JSON.stringify(over));
  const response: SipMessage = { ...request(), kind: "response", status: 200, reason: "OK" };
  assert.throws(() => writeMessage({ ...response, reason: "OK\r\nX: y" }));
  assert.throws(() => writeMessage({ ...response, status: 99 }));
  assert.throws(() => writeMessage({ ...response, status: 200.5 }));
});

test("whatever is written is read the same", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9.!%*_+`'~-]{1,12}$/);
  const text = fc.string({ unit: "grapheme", maxLength: 20 }).filter((one) => !/[\r\n]/.test(one));
  const value = text.map((one) => one.replace(/^[ \t]+|[ \t]+$/g, ""));
  const params = fc.uniqueArray(
    fc.tuple(
      token.map((one) => one.toLowerCase()),
      fc.option(text),
    ),
    { selector: ([name]) => name, maxLength: 3 },
  );
  const host = fc.oneof(
    fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,10}[a-z0-9])?$/),
    fc.ipV4(),
    fc.ipV6().map((one) => `[${one.toLowerCase()}]`),
  );
  const port = fc.option(fc.integer({ min: 0, max: 65535 }));
  const uriParams = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z0-9-]{1,8}$/), fc.option(text.filter((one) => one !== ""))), {
    selector: ([name]) => name,
    maxLength: 3,
  });
  const uri = fc.record({ user: fc.option(text.filter((one) => one !== "")), host, port, params: uriParams }).map((parts) => sipUri(parts));
  const address = fc
    .tuple(uri, fc.option(text.filter((one) => one !== "")), params)
    .map(([of, name, entries]) => nameAddr(of, name, entries));
  const anyRequest = fc
    .record({
      method: token,
      uri,
      via: fc.array(
        fc.record({ transport: token, host, port, params }).map((parts) => via(parts)),
        { minLength: 1, maxLength: 3 },
      ),
      from: address,
      to: address,
      callId: fc.stringMatching(/^[!-~]{1,20}$/),
      sequence: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      maxForwards: fc.integer({ min: 0, max: 255 }),
      contact: fc.array(address, { maxLength: 2 }),
      recordRoute: fc.array(address, { maxLength: 2 }),
      route: fc.array(address, { maxLength: 2 }),
      fields: fc.array(
        fc.tuple(
          token.map((one) => `X-${one}`),
          value,
        ),
        { maxLength: 4 },
      ),
      body: fc.uint8Array({ maxLength: 50 }),
    })
    .map(({ sequence, fields, body, ...rest }) =>
      request({ ...rest, cseq: { sequence, method: rest.method }, headers: createHeaders(fields), body: Buffer.from(body) }),
    );
  const plain = ({ headers, body, ...rest }: SipMessage): unknown => ({
    ...rest,
    headers: [...headers.entries()],
    body: body.toString("hex"),
  });
  fc.assert(
    fc.property(anyRequest, (made) => {
      const result = parseMessage(writeMessage(made));
      assert.ok(result.ok, result.ok ? "" : result.detail);
      assert.deepEqual(plain(result.message), plain(made));
    }),
    { seed: 3261, numRuns: 1000 },
  );
});

test("a response whose Contact cannot be read is taken without it: it would not come again; a request is refused", () => {
  const text = (start: string) =>
    `${start}\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:John Doe@192.0.2.7>, <sip:john@192.0.2.7>\r\nContent-Length: 0\r\n\r\n`;
  const response = parseMessage(Buffer.from(text("SIP/2.0 486 Busy Here")));
  assert.ok(response.ok && response.message.contact !== "*");
  assert.equal(response.message.contact.length, 1);
  assert.equal(parseMessage(Buffer.from(text("INVITE sip:c@d SIP/2.0"))).ok, false);
});

test("a Call-ID of any octets above a space is read, and written the same: a request with it can be answered", () => {
  for (const callId of ["a\u00a0b@host", "\u3000", "(<>\\[]/?{})"]) {
    const result = parseMessage(Buffer.from(invite.toString().replace("abc@host", callId)));
    assert.ok(result.ok);
    assert.equal(result.message.callId, callId);
    assert.ok(writeMessage(result.message).includes(`\r\nCall-ID: ${callId}\r\n`));
  }
  for (const callId of ["a b", "a\tb", "a\0b"]) assert.ok(!parseMessage(Buffer.from(invite.toString().replace("abc@host", callId))).ok);
});
