import assert from "node:assert/strict";
import { Session } from "node:inspector/promises";
import { test } from "node:test";
import { createStreamParser } from "../../../../src/carriers/sip/message/createStreamParser.ts";
import { parseMessage } from "../../../../src/carriers/sip/message/parseMessage.ts";
import { writeMessage } from "../../../../src/carriers/sip/message/writeMessage.ts";
import { torture } from "../torture.ts";

/** Mulberry32: the same numbers at every run. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const spicy = [
  "\r\n",
  "\r\n ",
  "\r\n\r\n",
  "\n",
  "\0",
  '"',
  "\\",
  "<",
  ">",
  ",",
  ";",
  ":",
  "@",
  "%",
  "%00",
  "%ff",
  "[",
  "]",
  "=",
  "?",
  "*",
  "\xff",
  "SIP/2.0",
  "l: 9\r\n",
];

function mutate(from: Buffer, other: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(from);
  for (let times = 1 + random(2); times > 0; times--) {
    const at = random(bytes.length + 1);
    const length = random(40);
    const kind = random(6);
    if (kind === 0 && bytes.length > 0) bytes.writeUInt8((bytes[at % bytes.length] ?? 0) ^ (1 << random(8)), at % bytes.length);
    else if (kind === 1) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), other.subarray(random(other.length))]);
    else if (kind === 4) bytes = bytes.subarray(0, at);
    else bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(spicy[random(spicy.length)] ?? "", "latin1"), bytes.subarray(at)]);
  }
  return bytes;
}

test("10,000 mutations of the torture messages: a message or a refusal, and what is read is written and read the same", () => {
  const random = seeded(4475);
  let read = 0;
  let refused = 0;
  for (let i = 0; i < 10_000; i++) {
    const [from, other] = [torture[i % torture.length], torture[random(torture.length)]];
    const bytes = mutate(from?.bytes ?? Buffer.alloc(0), other?.bytes ?? Buffer.alloc(0), random);
    const result = parseMessage(bytes);
    if (!result.ok) {
      refused++;
      assert.ok([400, 505, 513].includes(result.status));
      assert.match(result.detail, /^[^\r\n]+$/);
      continue;
    }
    read++;
    const written = writeMessage(result.message);
    const again = parseMessage(written);
    assert.ok(again.ok, `${again.ok ? "" : again.detail}\n${bytes.toString("latin1")}`);
    assert.deepEqual(writeMessage(again.message), written);
  }
  assert.ok(read > 1000 && refused > 1000, `${read} read, ${refused} refused`);
});

test("10,000 mutated chunks: the stream parser throws nothing and never tells anything after it broke", () => {
  const random = seeded(183);
  let messages = 0;
  for (let i = 0; i < 10_000; i++) {
    const parser = createStreamParser();
    const from = torture[i % torture.length]?.bytes ?? Buffer.alloc(0);
    const bytes = Buffer.concat([from, mutate(from, torture[random(torture.length)]?.bytes ?? from, random)]);
    let broken = false;
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + random(400);
      for (const event of parser.push(bytes.subarray(at, at + length))) {
        assert.equal(broken, false);
        broken = event.kind === "broken";
        if (event.kind === "message") messages++;
      }
      at += length;
    }
  }
  assert.ok(messages > 5000, `${messages} messages`);
});

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

/** How often the busiest block of each of the parser's functions ran: what it did, counted and not timed. */
async function operations(session: Session, run: () => void): Promise<number> {
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  run();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  await session.post("Profiler.stopPreciseCoverage");
  let count = 0;
  for (const script of result) {
    if (!script.url.includes("/src/carriers/sip/message/")) continue;
    for (const { ranges } of script.functions) count += Math.max(...ranges.map((range) => range.count));
  }
  return count;
}

test("twice the hostile bytes are at most twice the work: nothing is looked at again and again", async () => {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  for (const [name, make] of Object.entries(hostile)) {
    const [small, large] = [Buffer.from(make(3000)), Buffer.from(make(6000))];
    const once = await operations(session, () => parseMessage(small));
    const twice = await operations(session, () => parseMessage(large));
    assert.ok(once > 5, `${name}: ${once} operations`);
    // Below one that does nothing by the byte, room for what is constant.
    assert.ok(twice <= once * 2.2 + 500, `${name}: ${once} operations for half, ${twice} for all`);
    assert.ok(twice < large.length * 40, `${name}: ${twice} operations for ${large.length} bytes`);
  }
  session.disconnect();
});

test("a stream that comes byte by byte costs no more than by twice the bytes", async () => {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  const feed = (size: number) => (): void => {
    const parser = createStreamParser();
    for (const byte of Buffer.from(`OPTIONS sip:a@b SIP/2.0\r\nX: ${"y".repeat(size)}`)) parser.push(Buffer.from([byte]));
  };
  const once = await operations(session, feed(2000));
  const twice = await operations(session, feed(4000));
  assert.ok(once > 2000 && twice <= once * 2.2, `${once}, then ${twice}`);
  session.disconnect();
});
