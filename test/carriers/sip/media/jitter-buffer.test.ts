import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../src/carriers/simulator/random.ts";
import { createJitterBuffer } from "../../../../src/carriers/sip/media/createJitterBuffer.ts";
import { correlation, joined, near, speech } from "./support.ts";

interface Arrival {
  atMs: number;
  /** Number of the packet in the stream: its sequence. */
  index: number;
  /** Its first sample; the same as index * length when not said. */
  from?: number;
  timestamp?: number;
}

/** Plays arrivals through the buffer, a frame every 20 ms from 5 ms on; sound is that of `source`. */
function play(
  arrivals: Arrival[],
  options: {
    source?: Int16Array;
    length?: number;
    seconds?: number;
    firstSequence?: number;
    firstTimestamp?: number;
    tickMs?: number;
  } = {},
) {
  const { source = speech(20), length = 160, firstSequence = 65_500, firstTimestamp = 2 ** 32 - 3_000, tickMs = 20 } = options;
  const buffer = createJitterBuffer();
  const frames: Int16Array[] = [];
  const kinds: string[] = [];
  const delays: number[] = [];
  const puts: string[] = [];
  const waiting = [...arrivals].sort((a, b) => a.atMs - b.atMs);
  const end = (options.seconds ?? (waiting.at(-1)?.atMs ?? 0) / 1_000 + 0.3) * 1_000;
  for (let dueMs = 5; dueMs < end; dueMs += tickMs) {
    for (let next = waiting[0]; next && next.atMs <= dueMs; next = waiting[0]) {
      waiting.shift();
      const from = next.from ?? next.index * length;
      const timestamp = (firstTimestamp + (next.timestamp ?? from)) >>> 0;
      puts.push(
        buffer.put((firstSequence + next.index) & 0xffff, timestamp, source.subarray(from, from + length), length, next.atMs, true),
      );
    }
    const frame = new Int16Array(160);
    kinds.push(buffer.take(dueMs, frame));
    frames.push(frame);
    delays.push(buffer.delayMs());
  }
  return { buffer, all: joined(frames), kinds, delays, puts, source };
}

const steady = (count: number, ms = 20): Arrival[] => Array.from({ length: count }, (_, index) => ({ atMs: index * ms, index }));

test("an even stream comes out as it went in, over the wrap of sequence and timestamp", () => {
  const { buffer, all, kinds, source } = play(steady(200));
  assert.ok(correlation(source.subarray(0, 32_000), all, 0, 1_600).score > 0.9999);
  assert.ok(kinds.slice(0, 195).every((kind) => kind !== "concealed"));
  assert.ok(buffer.delayMs() >= 40 && buffer.delayMs() <= 80, `${buffer.delayMs()} ms`);
});

for (const ms of [10, 30, 40, 60])
  test(`packets of ${ms} ms come out as they went in`, () => {
    const { all, source } = play(steady(4_000 / ms, ms), { length: ms * 8 });
    assert.ok(correlation(source.subarray(0, 28_000), all, 0, 1_600).score > 0.9999);
  });

test("reordered and doubled packets are put right", () => {
  const arrivals = steady(200).map((one) => (one.index % 10 === 5 ? { ...one, atMs: one.atMs + 25 } : one));
  const { all, puts, source, buffer } = play([...arrivals, ...steady(200).map((one) => ({ ...one, atMs: one.atMs + 7 }))]);
  assert.ok(correlation(source.subarray(0, 30_000), all, 0, 1_600).score > 0.9999);
  assert.equal(puts.filter((put) => put === "duplicate").length, 200);
  assert.equal(buffer.late(), 0);
});

test("more jitter makes it wait longer, an even network shorter again", () => {
  const random = seededRandom("jitter");
  const rough = steady(500).map((one) => ({ ...one, atMs: one.atMs + random() * 120 }));
  const calm = Array.from({ length: 1_500 }, (_, index) => ({ atMs: (500 + index) * 20, index: 500 + index }));
  const { delays, kinds } = play([...rough, ...calm], { source: speech(41) });
  near(delays[450] ?? 0, 135, 40, "delay with jitter of 120 ms");
  assert.ok((delays.at(-20) ?? 0) < 90, `${delays.at(-20)} ms at the end`);
  assert.ok(kinds.slice(150, 500).filter((kind) => kind === "concealed").length < 25);
});

test("a pause of the network: nothing is lost that comes within 200 ms, play waits for it", () => {
  const arrivals = steady(200).map((one) => (one.index >= 100 && one.index < 107 ? { ...one, atMs: 107 * 20 } : one));
  const { all, puts, source, buffer } = play(arrivals);
  assert.ok(
    puts.every((put) => put === "taken"),
    String(puts.filter((put) => put !== "taken")),
  );
  assert.equal(buffer.late(), 0);
  // From where the pause was on all is there, later than before.
  assert.ok(correlation(source.subarray(16_000, 30_000), all, 16_000, 18_000).score > 0.97);
});

test("an outage of a second and a burst after it: it goes on with the present within 200 ms", () => {
  const arrivals = steady(300).map((one) =>
    one.index >= 100 && one.index < 150 ? { ...one, atMs: 150 * 20 + (one.index - 100) / 10 } : one,
  );
  const { all, delays, source } = play(arrivals);
  assert.ok(
    delays.slice(160).every((delay) => delay <= 400),
    String(Math.max(...delays.slice(160))),
  );
  assert.ok(correlation(source.subarray(32_000, 44_000), all, 32_000, 36_000).score > 0.95);
});

test("a first packet that is 300 ms late does not make the whole call late", () => {
  const arrivals = steady(200).map((one) => (one.index < 15 ? { ...one, atMs: 299 + one.index / 20 } : one));
  const { delays } = play(arrivals);
  assert.ok(
    delays.slice(40).every((delay) => delay < 160),
    String(Math.max(...delays.slice(40))),
  );
});

test("a sender that pauses (DTX) has lost nothing; after the pause the delay is that of the target", () => {
  const arrivals: Arrival[] = [];
  for (let index = 0; index < 50; index++) arrivals.push({ atMs: index * 20, index, from: index * 160 });
  // Three seconds of pause: the sequence goes on, the timestamp has moved.
  for (let index = 50; index < 150; index++) arrivals.push({ atMs: (index + 150) * 20, index, from: (index + 150) * 160 });
  const { kinds, all, source, buffer, delays } = play(arrivals);
  const pause = kinds.slice(60, 195);
  assert.ok(
    pause.every((kind) => kind !== "concealed"),
    "silence, not loss",
  );
  assert.ok(all.subarray(160 * 60, 160 * 195).every((sample) => sample === 0));
  assert.ok(correlation(source.subarray(32_000, 46_000), all, 30_000, 35_000).score > 0.99);
  assert.ok((delays[210] ?? 0) >= buffer.targetMs() && (delays[210] ?? 0) < buffer.targetMs() + 40);
});

test("a short pause that was announced by nothing but the timestamp is silence", () => {
  const arrivals: Arrival[] = [];
  for (let index = 0; index < 100; index++) {
    const at = index < 50 ? index : index + 2;
    arrivals.push({ atMs: index < 50 ? at * 20 : at * 20 - 30, index, from: at * 160 });
  }
  const { kinds } = play(arrivals);
  assert.ok(kinds.slice(5, 95).every((kind) => kind !== "concealed"));
});

test("timestamps that jump far begin a new time, and nothing is silent for long", () => {
  const arrivals = steady(200).map((one) => ({ ...one, timestamp: one.index * 160 + (one.index >= 100 ? 900_000_000 : 0) }));
  const { all, kinds, source } = play(arrivals);
  assert.ok(kinds.slice(0, 195).filter((kind) => kind === "concealed").length <= 5);
  assert.ok(correlation(source.subarray(17_000, 30_000), all, 16_000, 19_000).score > 0.99);
});

test("timestamps that stand still while the sender pauses: the speech after it is heard", () => {
  const arrivals: Arrival[] = [];
  for (let index = 0; index < 200; index++) arrivals.push({ atMs: (index < 100 ? index : index + 25) * 20, index });
  const { all, source } = play(arrivals);
  assert.ok(correlation(source.subarray(17_000, 30_000), all, 17_000, 24_000).score > 0.97);
});

for (const [name, skew] of [
  ["quicker", 1 - 500e-6],
  ["slower", 1 + 500e-6],
] as const)
  test(`their clock is 500 ppm ${name}: the delay stays`, () => {
    const arrivals = steady(9_000).map((one) => ({
      ...one,
      atMs: one.atMs * skew,
      from: (one.index % 900) * 160,
      timestamp: one.index * 160,
    }));
    const { delays, buffer, kinds } = play(arrivals);
    assert.ok(Math.max(...delays.slice(100, -20)) < 125, `at most ${Math.max(...delays.slice(100, -20))} ms`);
    assert.ok(Math.min(...delays.slice(100, -20)) > 15, `at least ${Math.min(...delays.slice(100, -20))} ms`);
    assert.equal(buffer.late(), 0);
    assert.ok(buffer.stretched() + buffer.dropped() <= 8, `${buffer.stretched()} put in, ${buffer.dropped()} dropped`);
    assert.ok(kinds.filter((kind) => kind === "concealed").length < 40);
  });

test("any order of any packets: never a crash, always a frame", () => {
  const random = seededRandom("junk");
  const buffer = createJitterBuffer();
  const frame = new Int16Array(160);
  for (let turn = 0; turn < 20_000; turn++) {
    const wild = random() < 0.1;
    const length = wild ? Math.floor(random() * 2_000) : 160;
    buffer.put(
      wild ? Math.floor(random() * 65_536) : turn & 0xffff,
      wild ? Math.floor(random() * 2 ** 32) : turn * 160,
      new Int16Array(length).fill(1_000),
      length,
      turn * 20 + random() * 50,
      random() < 0.9,
    );
    buffer.take(turn * 20 + 60, frame);
  }
  assert.ok(frame.every((sample) => sample >= -32_768));
});
