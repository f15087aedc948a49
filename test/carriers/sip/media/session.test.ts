import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { seededRandom } from "../../../../src/carriers/simulator/random.ts";
import { emptyRtpHeader, parseRtpHeader, removePadding } from "../../../../src/carriers/sip/media/rtp-packet.ts";
import { agreed, type Bench, openBench, rtpPacket } from "./support.ts";

const A = Buffer.alloc(160, 0x2a);
const opened = (changes = {}, handler = {}) => {
  const bench = openBench(handler);
  bench.session.negotiated(agreed(5_000, changes));
  bench.session.start();
  return bench;
};
const header = (bytes: Buffer) => {
  const into = emptyRtpHeader();
  assert.ok(parseRtpHeader(bytes, into));
  return into;
};

describe("RTP packets (RFC 3550 5)", () => {
  const parsed = (bytes: Buffer) => {
    const into = emptyRtpHeader();
    return parseRtpHeader(bytes, into) && removePadding(bytes, bytes.length, into)
      ? bytes.subarray(into.payloadStart, into.payloadEnd)
      : null;
  };
  const plain = rtpPacket({ payload: Buffer.from("sound"), sequence: 1, timestamp: 2 });

  test("with CSRCs, an extension and padding", () => {
    const full = Buffer.concat([
      Buffer.from("b288", "hex"),
      plain.subarray(2, 12),
      Buffer.alloc(8, 1),
      Buffer.from("bede0001aabbccdd", "hex"),
      Buffer.from("sound"),
      Buffer.from("000003", "hex"),
    ]);
    assert.equal(parsed(full)?.toString(), "sound");
    assert.equal(parsed(plain)?.toString(), "sound");
  });
  test("what claims more than there is, another version, or RTCP, is not RTP", () => {
    for (const [byte, value] of [
      [0, 0x40],
      [0, 0x8f],
      [0, 0x90],
      [1, 200],
      [1, 204],
      [0, 0xa0],
    ] as const) {
      const broken = Buffer.from(plain);
      broken[byte] = value;
      assert.equal(parsed(broken), null, `${byte}: ${value}`);
    }
    for (let length = 0; length < 12; length++) assert.equal(parsed(plain.subarray(0, length)), null);
  });
});

describe("what a session sends", () => {
  test("nothing before the negotiation; then silence every 20 ms, one marker, sequence and timestamp going on", () => {
    const bench = openBench();
    bench.clock.pass(100);
    assert.equal(bench.rtp.length, 0);
    bench.session.negotiated(agreed(5_000));
    bench.clock.pass(2_000);
    assert.equal(bench.rtp.length, 100);
    const headers = bench.rtp.map(({ bytes }) => header(bytes));
    for (const [index, one] of headers.entries()) {
      assert.equal(one.marker, index === 0);
      assert.equal(one.sequence, ((headers[0]?.sequence ?? 0) + index) & 0xffff);
      assert.equal(one.timestamp, ((headers[0]?.timestamp ?? 0) + index * 160) >>> 0);
      assert.ok(bench.rtp[index]?.bytes.subarray(12).every((code) => code === 0xd5));
    }
  });

  for (const [what, end] of [
    ["an acknowledgement", (bench: Bench) => bench.session.peerIsThere()],
    [
      "a packet from where the offer says",
      (bench: Bench) => bench.receiveRtp(rtpPacket({ payload: new Uint8Array(160), sequence: 1, timestamp: 0 }), "127.0.0.1", 5_000, true),
    ],
  ] as const) {
    test(`nothing, no RTCP either, until ${what}; then all that was to be said until then`, () => {
      const bench = openBench();
      bench.session.waitForPeer();
      bench.session.negotiated(agreed(5_000));
      bench.session.start();
      bench.session.play(new Int16Array(320).fill(1_000));
      bench.receiveRtp(rtpPacket({ payload: new Uint8Array(160), sequence: 1, timestamp: 0 }), "127.0.0.2", 5_000, true);
      bench.clock.pass(20_000);
      assert.deepEqual([bench.rtp.length, bench.rtcp.length], [0, 0]);
      assert.deepEqual(bench.session.position(), { playedSamples: 0, waitingSamples: 320 });
      end(bench);
      bench.clock.pass(60);
      assert.equal(bench.rtp.length, 3);
      assert.deepEqual(bench.session.position(), { playedSamples: 320, waitingSamples: 0 });
      assert.equal(header(bench.rtp[0]?.bytes ?? Buffer.alloc(0)).marker, true);
    });
  }

  test("of a call that nobody has acknowledged, not even RTCP BYE", () => {
    const bench = openBench();
    bench.session.waitForPeer();
    bench.session.negotiated(agreed(5_000));
    bench.session.close();
    assert.deepEqual([bench.rtp.length, bench.rtcp.length], [0, 0]);
  });

  test("the grid is absolute: ten minutes later every packet still leaves at its time", () => {
    const bench = opened();
    bench.clock.pass(600_000);
    const first = bench.rtp[0]?.atMs ?? 0;
    assert.ok(Math.abs(bench.rtp.length - 30_000) <= 1);
    for (const [index, { atMs }] of bench.rtp.entries()) assert.ok(Math.abs(atMs - first - index * 20) <= 1, `packet ${index}`);
  });

  test("after standing still: at most three packets at once, the timestamp tells how long it was", () => {
    const bench = opened();
    bench.clock.pass(1_000);
    const [count, before] = [bench.rtp.length, bench.rtp.at(-1)];
    const frames: number[] = [];
    bench.session.onFrame(({ timestampMs }) => frames.push(timestampMs));
    bench.clock.freeze(500);
    bench.clock.pass(1);
    const burst = bench.rtp.slice(count);
    assert.ok(burst.length <= 3, `${burst.length} at once`);
    assert.ok(frames.length >= 24, "listeners are told of every frame");
    assert.ok(frames.every((one, index) => index === 0 || one - (frames[index - 1] ?? 0) === 20));
    bench.clock.pass(100);
    const last = bench.rtp.at(-1);
    const elapsed = ((last?.atMs ?? 0) - (before?.atMs ?? 0)) * 8;
    const timestamps = header(last?.bytes ?? A).timestamp - header(before?.bytes ?? A).timestamp;
    assert.ok(Math.abs(timestamps - elapsed) <= 160, `${timestamps} of ${elapsed}`);
    assert.equal(burst.length > 0 && header(burst[0]?.bytes ?? A).marker, true);
  });

  test("after an hour of sleep it does not tell an hour of frames", () => {
    const bench = opened();
    bench.clock.pass(100);
    const frames: number[] = [];
    bench.session.onFrame(({ timestampMs }) => frames.push(timestampMs));
    bench.clock.freeze(3_600_000);
    bench.clock.pass(40);
    assert.ok(frames.length < 510, `${frames.length}`);
    assert.ok((frames.at(-1) ?? 0) >= 3_599_000);
  });

  test("on hold only reports; the timestamp goes on and the next talkspurt is marked", () => {
    const bench = opened();
    bench.clock.pass(100);
    const before = bench.rtp.length;
    bench.session.negotiated(agreed(5_000, { direction: "inactive" }));
    bench.clock.pass(20_000);
    assert.equal(bench.rtp.length, before);
    assert.ok(bench.rtcp.length >= 2);
    bench.session.negotiated(agreed(5_000, { remote: null }));
    bench.clock.pass(1_000);
    assert.equal(bench.rtp.length, before, "address 0.0.0.0");
    bench.session.negotiated(agreed(5_000));
    bench.clock.pass(20);
    const [last, resumed] = [header(bench.rtp[before - 1]?.bytes ?? A), header(bench.rtp[before]?.bytes ?? A)];
    assert.equal(resumed.marker, true);
    assert.equal(resumed.sequence, (last.sequence + 1) & 0xffff);
    assert.ok(Math.abs((resumed.timestamp - last.timestamp) / 8 - 21_000) < 50);
  });

  test("errors of the socket are counted, the call goes on", () => {
    const bench = opened();
    bench.failWith = new Error("ECONNREFUSED");
    bench.clock.pass(200);
    assert.equal(bench.rtp.length, 10);
  });

  test("what is said: position, clear, drained", async () => {
    const bench = opened();
    const said: number[] = [];
    bench.session.onFrame((frame) => said.push(frame.said[0] ?? 0));
    const samples = new Int16Array(400).fill(1_000);
    bench.session.play(samples);
    assert.deepEqual(bench.session.position(), { playedSamples: 0, waitingSamples: 400 });
    let drained = 0;
    bench.session.drained().then(() => drained++);
    bench.clock.pass(40);
    assert.deepEqual(bench.session.position(), { playedSamples: 320, waitingSamples: 80 });
    await Promise.resolve();
    assert.equal(drained, 0);
    bench.clock.pass(20);
    await Promise.resolve();
    assert.equal(drained, 1);
    assert.deepEqual(said, [1_000, 1_000, 1_000]);
    bench.session.play(new Int16Array(8_000));
    const cleared = bench.session.drained();
    bench.session.clear();
    await cleared;
    assert.deepEqual(bench.session.position(), { playedSamples: 400, waitingSamples: 0 });
    await bench.session.drained();
  });

  test("a listener that throws disturbs nobody", () => {
    const bench = opened();
    let frames = 0;
    bench.session.onFrame(() => {
      throw new Error("listener");
    });
    const stop = bench.session.onFrame(() => frames++);
    bench.clock.pass(100);
    assert.equal(frames, 5);
    stop();
    bench.clock.pass(100);
    assert.equal(frames, 5);
    assert.equal(bench.rtp.length, 10);
  });

  test("closed: everybody who waits is told, nothing happens any more, twice is once", async () => {
    const bench = opened();
    bench.session.play(new Int16Array(8_000));
    const waits = Promise.all([bench.session.drained(), bench.session.sendDigits("1")]);
    bench.clock.pass(100);
    const quality = bench.session.close();
    await waits;
    assert.equal(bench.session.close(), quality);
    assert.equal(bench.closedTimes, 1);
    assert.equal(bench.clock.waiting, 0, "no timer");
    const sent = bench.rtp.length;
    bench.session.play(new Int16Array(10));
    bench.session.negotiated(agreed(5_000));
    bench.receiveRtp(rtpPacket({ payload: A, sequence: 1, timestamp: 1 }), "127.0.0.1", 5_000, true);
    bench.clock.pass(100);
    assert.equal(bench.rtp.length, sent);
    await bench.session.drained();
  });
});

describe("what a session lets in", () => {
  const feed = (
    bench: Bench,
    count: number,
    fields: { from?: string; port?: number; ssrc?: number; first?: number; payloadType?: number } = {},
  ) => {
    for (let index = 0; index < count; index++) {
      const sequence = (fields.first ?? 100) + index;
      const packet = rtpPacket({
        payload: A,
        sequence,
        timestamp: sequence * 160,
        ...(fields.ssrc !== undefined && { ssrc: fields.ssrc }),
        ...(fields.payloadType !== undefined && { payloadType: fields.payloadType }),
      });
      bench.receiveRtp(packet, fields.from ?? "127.0.0.1", fields.port ?? 5_000, true);
      bench.clock.pass(20);
    }
  };
  const target = (bench: Bench) => `${bench.rtp.at(-1)?.address}:${bench.rtp.at(-1)?.port}`;
  const received = (bench: Bench) => bench.session.close()?.packets_received;

  test("symmetric RTP (RFC 4961): a stranger is followed after three packets when nobody else has come", () => {
    const bench = opened();
    feed(bench, 2, { from: "192.0.2.9", port: 7_000 });
    assert.equal(target(bench), "127.0.0.1:5000");
    feed(bench, 2, { from: "192.0.2.9", port: 7_000, first: 102 });
    assert.equal(target(bench), "192.0.2.9:7000");
  });
  test("another port of the agreed address is followed at once", () => {
    const bench = opened();
    feed(bench, 1, { port: 7_000 });
    assert.equal(target(bench), "127.0.0.1:7000");
  });
  test("while the agreed one sends, strangers are dropped", () => {
    const bench = opened();
    feed(bench, 10);
    for (let turn = 0; turn < 50; turn++) {
      feed(bench, 1, { from: "192.0.2.9", first: 500 + turn, ssrc: 5 });
      feed(bench, 1, { first: 110 + turn });
    }
    assert.equal(target(bench), "127.0.0.1:5000");
    assert.equal(received(bench), 60);
  });
  test("packets that do not follow each other prove nothing", () => {
    const bench = opened();
    for (let turn = 0; turn < 20; turn++) feed(bench, 1, { from: "192.0.2.9", first: turn * 7 });
    assert.equal(target(bench), "127.0.0.1:5000");
  });
  test("after it has moved, only the same flow may move it again, as when a NAT changes its mind", () => {
    const bench = opened();
    feed(bench, 5, { from: "192.0.2.9" });
    bench.clock.pass(2_000);
    feed(bench, 5, { from: "198.51.100.1", ssrc: 66 });
    assert.equal(target(bench), "192.0.2.9:5000");
    feed(bench, 5, { from: "192.0.2.9", port: 5_002, first: 106 });
    assert.equal(target(bench), "192.0.2.9:5002");
  });
  test("a stranger who speaks into a pause cannot keep out what was agreed", () => {
    const bench = opened();
    feed(bench, 20);
    bench.clock.pass(1_500);
    feed(bench, 10, { from: "192.0.2.9", ssrc: 66, first: 9_000 });
    for (let turn = 0; turn < 50; turn++) {
      feed(bench, 1, { first: 120 + turn });
      feed(bench, 1, { from: "192.0.2.9", ssrc: 66, first: 9_010 + turn });
      assert.equal(target(bench), "127.0.0.1:5000");
    }
    bench.clock.pass(1_500);
    feed(bench, 10, { from: "192.0.2.9", ssrc: 66, first: 9_060 });
    assert.equal(target(bench), "127.0.0.1:5000", "not again");
  });
  test("what comes on hold is not listened to, and not lost either", () => {
    const bench = opened();
    feed(bench, 50);
    bench.session.negotiated(agreed(5_000, { direction: "inactive" }));
    feed(bench, 100, { first: 150 });
    bench.session.negotiated(agreed(5_000));
    feed(bench, 50, { first: 250 });
    const quality = bench.session.close();
    assert.deepEqual([quality?.packets_received, quality?.packets_lost], [100, 0]);
  });
  test("with a new agreement another source is heard at once", () => {
    const bench = opened();
    feed(bench, 10);
    bench.session.negotiated(agreed(5_000));
    feed(bench, 10, { ssrc: 5, first: 9_000 });
    const quality = bench.session.close();
    assert.deepEqual([quality?.packets_received, quality?.packets_lost], [20, 0]);
  });
  test("a new negotiation of the same address changes nothing; of another one it begins anew", () => {
    const bench = opened();
    feed(bench, 5, { from: "192.0.2.9" });
    bench.session.negotiated(agreed(5_000));
    bench.clock.pass(20);
    assert.equal(target(bench), "192.0.2.9:5000");
    bench.session.negotiated(agreed(6_000));
    bench.clock.pass(20);
    assert.equal(target(bench), "127.0.0.1:6000");
  });
  test("another source takes over when the first has fallen silent, not while it speaks", () => {
    const bench = opened();
    feed(bench, 10);
    for (let turn = 0; turn < 5; turn++) {
      feed(bench, 1, { first: 110 + turn });
      feed(bench, 1, { ssrc: 5, first: 9_000 + turn });
    }
    assert.equal(bench.session.close()?.packets_received, 15);
    const other = opened();
    feed(other, 10);
    other.clock.pass(200);
    feed(other, 10, { ssrc: 5, first: 9_000 });
    const quality = other.session.close();
    assert.deepEqual([quality?.packets_received, quality?.packets_lost], [20, 0]);
  });
  test("types that were not agreed are dropped; both laws of G.711 are understood", () => {
    const bench = opened();
    feed(bench, 5, { payloadType: 96 });
    feed(bench, 5, { payloadType: 3 });
    feed(bench, 5, { payloadType: 0 });
    feed(bench, 5, { payloadType: 8, first: 105 });
    assert.equal(received(bench), 10);
  });
  test("junk of every length never disturbs", () => {
    const bench = opened();
    const random = seededRandom("junk");
    for (let turn = 0; turn < 5_000; turn++) {
      const junk = turn % 2 ? randomBytes(turn % 400) : rtpPacket({ payload: A, sequence: turn, timestamp: turn * 160 });
      if (turn % 2 === 0) for (let change = 0; change < 4; change++) junk[Math.floor(random() * 40)] = Math.floor(random() * 256);
      bench.receiveRtp(junk, "127.0.0.1", 5_000, turn % 3 === 0);
      bench.receiveRtcp(randomBytes(turn % 200), "127.0.0.1", 5_001);
      bench.clock.pass(5);
    }
    assert.ok(bench.session.close());
  });
  test("silence of the other side is told while it lasts", () => {
    const told: number[] = [];
    const bench = opened({}, { silent: (ms: number) => told.push(Math.round(ms / 1_000)) });
    bench.clock.pass(29_000);
    assert.deepEqual(told, []);
    bench.clock.pass(60_000);
    assert.deepEqual(told, [30, 60]);
    feed(bench, 1);
    bench.clock.pass(31_000);
    assert.deepEqual(told, [30, 60, 30]);
  });
  for (const [what, hold] of [
    ["sends only, and sends nothing", { direction: "recvonly" }],
    ["holds with address 0.0.0.0, whatever it sends", { direction: "recvonly", remote: null }],
    ["is inactive", { direction: "inactive" }],
    ["is held by us", { direction: "sendonly" }],
  ] as const)
    test(`silence of the other side is not told while it ${what}, and counts anew afterwards (RFC 3264 8.4)`, () => {
      const told: number[] = [];
      const bench = opened({}, { silent: (ms: number) => told.push(Math.round(ms / 1_000)) });
      bench.clock.pass(29_000);
      bench.session.negotiated(agreed(5_000, hold));
      bench.clock.pass(29_000);
      feed(bench, 5);
      bench.clock.pass(120_000);
      assert.deepEqual(told, []);
      bench.session.negotiated(agreed(5_000));
      bench.clock.pass(29_000);
      assert.deepEqual(told, []);
      bench.clock.pass(60_000);
      assert.deepEqual(told, [30, 60]);
    });
  test("before the negotiation there is nothing to report", () => assert.equal(openBench().session.close(), undefined));
});
