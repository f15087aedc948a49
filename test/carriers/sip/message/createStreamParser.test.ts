import assert from "node:assert/strict";
import { test } from "node:test";
import { createStreamParser, type StreamEvent } from "../../../../src/carriers/sip/message/createStreamParser.ts";
import { eventsOf } from "./eventsOf.ts";

const message = (body: string, id = "1"): string =>
  `OPTIONS sip:a@b SIP/2.0\r\nCall-ID: ${id}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const shown = (event: StreamEvent): string => {
  if (event.kind === "message") return event.bytes.toString();
  return event.kind === "broken" ? `broken: ${event.detail}` : event.kind;
};
function feed(...chunks: (string | Buffer)[]): string[] {
  const parser = createStreamParser();
  return chunks.flatMap((chunk) => eventsOf(parser, Buffer.from(chunk)).map(shown));
}

test("messages are cut by Content-Length, several in a chunk (RFC 3261 18.3)", () => {
  const [one, two, three] = [message("hello\r\n\r\n"), message("", "2"), message("é", "3")];
  assert.deepEqual(feed(one + two + three), [one, two, three]);
  assert.deepEqual(feed(one.replace("Content-Length", "l  ").replace(": 9", ":\r\n 09")).length, 1);
});

test("wherever a stream is split, the same messages come out", () => {
  const all = message("hello") + message("", "2") + message("x".repeat(300), "3");
  const whole = feed(all);
  for (let at = 1; at < all.length; at++) assert.deepEqual(feed(all.slice(0, at), all.slice(at)), whole);
  assert.deepEqual(feed(...Array.from(all)), whole);
});

test("what a chunk's owner writes into it later changes no message", () => {
  const parser = createStreamParser();
  const text = message("hello");
  const chunk = Buffer.from(text + message("again", "2").slice(0, 20));
  const [first] = eventsOf(parser, chunk);
  const rest = Buffer.from(message("again", "2").slice(20));
  const events = eventsOf(parser, rest);
  chunk.fill(0);
  rest.fill(0);
  assert.equal(first && shown(first), text);
  assert.deepEqual(events.map(shown), [message("again", "2")]);
});

test("keep-alives: two line breaks are a ping, one is a pong (RFC 5626 4.4.1)", () => {
  const one = message("");
  assert.deepEqual(feed("\r\n\r\n"), ["ping"]);
  assert.deepEqual(feed("\r\n"), ["pong"]);
  assert.deepEqual(feed(`\r\n\r\n${one}\r\n\r\n`), ["ping", one, "ping"]);
  assert.deepEqual(feed(`${one}\r\n`, one), [one, "pong", one]);
  assert.deepEqual(feed("\r\n\r\n\r\n\r\n"), ["ping"]);
  // A ping in two halves: its first looks like a pong until the second is there.
  assert.deepEqual(feed("\r\n", "\r\n"), ["pong", "ping"]);
  assert.deepEqual(feed("\r", "\n\r", "\n"), ["pong", "ping"]);
});

test("a stream whose next message cannot be found is broken, once and for good", () => {
  const head = "OPTIONS sip:a@b SIP/2.0\r\n";
  assert.deepEqual(feed(`${head}Call-ID: 1\r\n\r\n`, message("")), ["broken: no Content-Length on a connection"]);
  assert.deepEqual(feed(`${head}l: 1\r\nContent-Length: 1\r\n\r\n`), ["broken: Content-Length more than once"]);
  assert.deepEqual(feed(`${head}l: -1\r\n\r\n`), ["broken: Content-Length cannot be read"]);
  assert.deepEqual(feed(`${head}l: 99999\r\n\r\n`), ["broken: Content-Length cannot be read"]);
  assert.deepEqual(feed(`${head}l: 65500\r\n\r\n`), ["broken: a message of more than 65536 bytes"]);
  assert.deepEqual(feed("\rx"), ["broken: a CR between messages that is not CR LF"]);
  assert.deepEqual(feed(`${head}nonsense\r\n\r\n`), ["broken: a line that is no header field"]);
  assert.deepEqual(feed("x".repeat(65_537)), ["broken: a header of more than 65536 bytes"]);
  assert.deepEqual(feed(`${head}X: ${"y".repeat(9000)}\r\n\r\n`), ["broken: a header field of more than 8192 bytes"]);
  assert.deepEqual(feed(...Array.from({ length: 100 }, () => "x".repeat(1000))), ["broken: a header of more than 65536 bytes"]);
});
