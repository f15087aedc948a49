import assert from "node:assert/strict";
import { Session } from "node:inspector/promises";
import { after, test } from "node:test";
import { eventsOf } from "./eventsOf.ts";

// Coverage counts what runs only of code that is loaded once it is on.
const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
after(() => session.disconnect());
const { createStreamParser } = await import("../../../../src/carriers/sip/message/createStreamParser.ts");
const { parseMessage } = await import("../../../../src/carriers/sip/message/parseMessage.ts");

/** How often the busiest block of each of the parser's functions ran: what it did, counted and not timed. */
async function operations(run: () => void): Promise<number> {
  await session.post("Profiler.takePreciseCoverage");
  run();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  let count = 0;
  for (const script of result) {
    if (!script.url.includes("/src/carriers/sip/message/")) continue;
    for (const { ranges } of script.functions) count += Math.max(...ranges.map((range) => range.count));
  }
  return count;
}

const head = "Via: SIP/2.0/UDP h;branch=1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n";
const start = "OPTIONS sip:a@b SIP/2.0\r\n";
/** Each of about `size` bytes, made to be slow for a parser that looks twice. */
const hostile: Record<string, (size: number) => string> = {
  "white space": (size) => `${start}${head}X: ${" ".repeat(size)}y\r\n\r\n`,
  folding: (size) => `${start}${head}X: y${"\r\n z".repeat(size / 4)}\r\n\r\n`,
  "empty folds": (size) => `${start}${head}X: y${"\r\n ".repeat(size / 3)}\r\n\r\n`,
  commas: (size) => `${start}${head}Contact: ${",".repeat(size)}\r\n\r\n`,
  vias: (size) => `${start}${head}Via: ${"SIP/2.0/UDP h, ".repeat(size / 15)}SIP/2.0/UDP h\r\n\r\n`,
  quotes: (size) => `${start}${head}Contact: ${'"'.repeat(size)}\r\n\r\n`,
  "open quote": (size) => `${start}${head}Contact: "${"<a>,".repeat(size / 4)}\r\n\r\n`,
  escapes: (size) => `${start}${head}Contact: "${'\\"'.repeat(size / 2)}\r\n\r\n`,
  brackets: (size) => `${start}${head}Contact: ${"<".repeat(size)}\r\n\r\n`,
  "escaped octets": (size) => `OPTIONS sip:${"%41".repeat(size / 3)}@b SIP/2.0\r\n${head}\r\n`,
  "parameters of a URI": (size) => `OPTIONS sip:b${Array.from({ length: size / 6 }, (_, i) => `;${i}`).join("")} SIP/2.0\r\n${head}\r\n`,
  "parameters of a header": (size) =>
    `${start}${head}Contact: <sip:b>${Array.from({ length: size / 6 }, (_, i) => `;${i}`).join("")}\r\n\r\n`,
  colons: (size) => `OPTIONS sip:${":".repeat(size)} SIP/2.0\r\n${head}\r\n`,
  "IPv6 that never ends": (size) => `OPTIONS sip:[${":".repeat(size)} SIP/2.0\r\n${head}\r\n`,
  digits: (size) => `${start}${head}Content-Length: ${"9".repeat(size)}\r\n\r\n`,
  "Request-Line of spaces": (size) => `OPTIONS${" ".repeat(size)}SIP/2.0\r\n${head}\r\n`,
  "no line end": (size) => "x".repeat(size),
};

test("twice the hostile bytes are at most twice the work: nothing is looked at again and again", async () => {
  for (const [name, make] of Object.entries(hostile)) {
    const [small, large] = [Buffer.from(make(3000)), Buffer.from(make(6000))];
    const once = await operations(() => parseMessage(small));
    const twice = await operations(() => parseMessage(large));
    assert.ok(once > 5, `${name}: ${once} operations`);
    // What takes hardly any has room for what is constant.
    assert.ok(twice <= once * 2.2 + 500, `${name}: ${once} operations for half, ${twice} for all`);
    assert.ok(twice < large.length * 10, `${name}: ${twice} operations for ${large.length} bytes`);
  }
});

test("a stream that comes byte by byte costs no more than by twice the bytes", async () => {
  const feed = (size: number) => (): void => {
    const parser = createStreamParser();
    for (const byte of Buffer.from(`OPTIONS sip:a@b SIP/2.0\r\nX: ${"y".repeat(size)}`)) eventsOf(parser, Buffer.from([byte]));
  };
  const once = await operations(feed(2000));
  const twice = await operations(feed(4000));
  assert.ok(once > 2000 && twice <= once * 2.2, `${once}, then ${twice}`);
});
