import assert from "node:assert/strict";
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
