import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { seededRandom } from "../../../../src/carriers/simulator/random.ts";
import { createReception } from "../../../../src/carriers/sip/media/createReception.ts";
import { createRtcpReports } from "../../../../src/carriers/sip/media/createRtcpReports.ts";
import { estimateMos } from "../../../../src/carriers/sip/media/estimateMos.ts";
import { parseRtcp, writeRtcp } from "../../../../src/carriers/sip/media/rtcp-packet.ts";
import { agreed, near, openBench, rtpPacket } from "./support.ts";

const block = {
  ssrc: 9,
  fractionLost: 12,
  cumulativeLost: -3,
  highestSequence: 70_000,
  jitter: 55,
  lastReport: 0x8765_4321,
  delaySinceLastReport: 65_536,
};
const sender = { ntpSeconds: 3_900_000_000, ntpFraction: 2 ** 31, rtpTimestamp: 160, packets: 1, octets: 160 };

test("reports, names and goodbyes are read as they were written (RFC 3550 6.4 to 6.6)", () => {
  const bytes = Buffer.alloc(512);
  const length = writeRtcp(bytes, { ssrc: 7, sender, block, cname: "someone", bye: true });
  assert.deepEqual(parseRtcp(bytes, length), {
    reports: [{ ssrc: 7, sender, blocks: [block] }],
    cnames: [{ ssrc: 7, cname: "someone" }],
    bye: [7],
  });
  const empty = writeRtcp(bytes, { ssrc: 7, sender: null, block: null, cname: "x".repeat(16), bye: false });
  assert.deepEqual(parseRtcp(bytes, empty), {
    reports: [{ ssrc: 7, sender: null, blocks: [] }],
    cnames: [{ ssrc: 7, cname: "x".repeat(16) }],
    bye: [],
  });
});

test("what is broken is no report, and never a crash (RFC 3550 A.2)", () => {
  const bytes = Buffer.alloc(512);
  const length = writeRtcp(bytes, { ssrc: 7, sender, block, cname: "someone", bye: true });
  for (let cut = 0; cut < length; cut++) parseRtcp(bytes.subarray(0, cut), cut);
  const random = seededRandom("rtcp");
  for (let turn = 0; turn < 20_000; turn++) {
    const mutated = Buffer.from(bytes.subarray(0, length));
    for (let change = 0; change <= turn % 5; change++) mutated[Math.floor(random() * length)] = Math.floor(random() * 256);
    parseRtcp(mutated, mutated.length);
    parseRtcp(randomBytes(turn % 64), turn % 64);
  }
  assert.equal(parseRtcp(Buffer.from("81cb0001000000ff", "hex"), 8), null, "a goodbye alone is not compound");
});

test("loss and jitter as in RFC 3550 A.3 and A.8", () => {
  const reception = createReception();
  for (const sequence of [65_534, 65_535, 1, 2, 3, 5]) assert.equal(reception.receive(sequence, sequence * 160, sequence * 160), true);
  assert.equal(reception.extendedHighestSequence(), 65_536 + 5);
  assert.deepEqual([reception.expectedTotal(), reception.lostTotal(), reception.lost()], [8, 2, 2]);
  assert.equal(reception.fractionLost(), 64);
  assert.equal(reception.fractionLost(), 0, "since the last time");
  reception.receive(4, 640, 640);
  reception.receive(4, 640, 640);
  reception.duplicate();
  assert.deepEqual([reception.lostTotal(), reception.lost()], [1, 0]);

  const jittery = createReception();
  let jitter = 0;
  let last = 0;
  for (const [index, late] of [0, 40, 8, 100, 0, 16].entries()) {
    jittery.receive(index, index * 160, index * 160 + late);
    if (index > 0) jitter += (Math.abs(late - last) - jitter) / 16;
    last = late;
  }
  near(jittery.jitter(), jitter, 1e-9, "jitter");
});

test("a jump in the sequence is believed when the next packet follows it (RFC 3550 A.1)", () => {
  const reception = createReception();
  for (const sequence of [1, 2, 3]) reception.receive(sequence, 0, 0);
  assert.equal(reception.receive(30_000, 0, 0), false);
  assert.equal(reception.receive(4, 0, 0), true);
  assert.equal(reception.receive(40_000, 0, 0), false);
  assert.equal(reception.receive(40_001, 0, 0), true);
  assert.equal(reception.lostTotal(), 0);
});

test("a source that is listened to again, after a pause or as another one, has not lost what was not listened to", () => {
  const reception = createReception();
  for (let sequence = 10; sequence < 20; sequence++) reception.receive(sequence, 0, undefined);
  reception.restart();
  assert.deepEqual([reception.lost(), reception.extendedHighestSequence()], [0, 19], "until it comes, what was");
  for (let sequence = 500; sequence < 510; sequence++) if (sequence !== 505) reception.receive(sequence, 0, undefined);
  assert.deepEqual([reception.expectedTotal(), reception.lostTotal(), reception.lost(), reception.received()], [20, 1, 1, 19]);
});

test("round trip time is what LSR and DLSR say (RFC 3550 6.4.1)", () => {
  const reports = (ssrc: number, heard: number) =>
    createRtcpReports({ ssrc: () => ssrc, cname: "x", random: seededRandom("rtt"), reception: createReception(), heard: () => heard });
  const [a, b] = [reports(1, 2), reports(2, 1)];
  const bytes = Buffer.alloc(512);
  const sent = { packets: 1, octets: 160, timestamp: 0, recently: true };
  const wall = 1_700_000_000_000;
  // 40 ms there, 700 ms of thought, 30 ms back.
  b.receive(bytes, a.write(bytes, { ms: 1_000, ntpMs: wall }, sent, false), 1_040);
  a.receive(bytes, b.write(bytes, { ms: 1_740, ntpMs: wall + 99_999 }, sent, false), 1_770);
  near(a.roundTripMs() ?? Number.NaN, 70, 0.1, "round trip");
});

test("reports of a source that we do not hear say nothing", () => {
  const reports = createRtcpReports({ ssrc: () => 1, cname: "x", random: Math.random, reception: createReception(), heard: () => 2 });
  const bytes = Buffer.alloc(512);
  const length = writeRtcp(bytes, { ssrc: 3, sender, block: { ...block, ssrc: 1 }, cname: "y", bye: true });
  assert.equal(reports.receive(bytes, length, 0), false);
  assert.equal(reports.remoteLost(), null);
});

test("a session reports about every 5 s at random, the first time earlier, and says goodbye (RFC 3550 6.2, 6.3, 6.6)", () => {
  const bench = openBench();
  bench.session.negotiated(agreed(5_000));
  for (let index = 0; index < 3_000; index++) {
    bench.receiveRtp(rtpPacket({ payload: Buffer.alloc(160, 0xd5), sequence: index, timestamp: index * 160 }), "127.0.0.1", 5_000, true);
    bench.clock.pass(20);
  }
  const times = bench.rtcp.map(({ atMs }) => atMs);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  // 5 s by 0.5 to 1.5, by 1.218 (RFC 3550 6.3.1).
  assert.ok(
    gaps.every((gap) => gap >= 2_030 && gap <= 6_180),
    String(gaps),
  );
  assert.ok(new Set(gaps.map((gap) => Math.round(gap / 100))).size > 3, "not the same each time");
  assert.ok((times[0] ?? 0) < 1_000 + 3_110);
  const last = bench.rtcp.at(-1);
  assert.deepEqual([last?.address, last?.port], ["127.0.0.1", 5_001]);
  const report = parseRtcp(last?.bytes ?? Buffer.alloc(0), last?.bytes.length ?? 0)?.reports[0];
  assert.ok((report?.sender?.packets ?? 0) > 2_500);
  assert.equal(report?.sender?.octets, (report?.sender?.packets ?? 0) * 160);
  assert.deepEqual([report?.blocks[0]?.ssrc, report?.blocks[0]?.cumulativeLost], [0x1234_5678, 0]);
  bench.session.close();
  const bye = bench.rtcp.at(-1)?.bytes ?? Buffer.alloc(0);
  assert.equal(parseRtcp(bye, bye.length)?.bye.length, 1);
});

test("the opinion falls with loss, bursts and delay (ITU-T G.107)", () => {
  near(estimateMos({ lostShare: 0, burstRatio: 0, delayMs: 60 }), 4.41, 0.005, "untouched");
  // Ie-eff = 95 * 5 / (5 + 25.1) = 15.8; R = 77.4.
  near(estimateMos({ lostShare: 0.05, burstRatio: 1, delayMs: 60 }), 3.92, 0.02, "5 % loss");
  assert.ok(estimateMos({ lostShare: 0.05, burstRatio: 2, delayMs: 60 }) < estimateMos({ lostShare: 0.05, burstRatio: 1, delayMs: 60 }));
  // Idd at 200 ms is 3.0 (G.107 7.4).
  near(estimateMos({ lostShare: 0, burstRatio: 1, delayMs: 200 }), 4.33, 0.02, "200 ms");
  // Idd at 500 ms is 30.6; R = 62.6.
  near(estimateMos({ lostShare: 0, burstRatio: 1, delayMs: 500 }), 3.23, 0.02, "500 ms");
  assert.equal(estimateMos({ lostShare: 1, burstRatio: 8, delayMs: 2_000 }), 1);
});
