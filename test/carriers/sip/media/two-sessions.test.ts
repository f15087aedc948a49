import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { seededRandom } from "../../../../src/carriers/simulator/random.ts";
import { createMediaEngine } from "../../../../src/carriers/sip/media/createMediaEngine.ts";
import type { MediaSession } from "../../../../src/carriers/sip/media/media.ts";
import type { NegotiatedAudio } from "../../../../src/carriers/sip/sdp/negotiation.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { until } from "../../../support/until.ts";
import { openRelay } from "../relay.ts";
import { agreed, correlation, createFakeClock, joined, longestSilence, near, passOverSockets, speech } from "./support.ts";

/** Two sessions over real sockets on the loopback, on the test's clock. */
async function openTwo(t: TestContext) {
  const clock = createFakeClock();
  const engine = createMediaEngine({
    ports: { from: 20_000, to: 29_999 },
    bindAddress: "127.0.0.1",
    log: createLog("silent"),
    clock,
    random: seededRandom(t.name),
  });
  t.after(() => engine.close());
  const [a, b] = await Promise.all([engine.open({}), engine.open({})]);
  const connect = (changesA: Partial<NegotiatedAudio> = {}, changesB = changesA, [portA, portB] = [a.port, b.port]) => {
    a.negotiated(agreed(portB, changesA));
    b.negotiated(agreed(portA, changesB));
    a.start();
    b.start();
  };
  return { clock, a, b, connect, pass: (ms: number) => passOverSockets(clock, ms) };
}

function listenTo(session: MediaSession) {
  const heard: Int16Array[] = [];
  const timestamps: number[] = [];
  const met = { heard, timestamps, concealed: 0, all: () => joined(heard) };
  session.onFrame((frame) => {
    heard.push(frame.heard.slice());
    timestamps.push(frame.timestampMs);
    if (frame.concealed) met.concealed++;
  });
  return met;
}

test("what one says the other hears, without a gap, in both directions at once", async (t) => {
  const { a, b, connect, pass } = await openTwo(t);
  connect();
  const [atA, atB] = [listenTo(a), listenTo(b)];
  const [ofA, ofB] = [speech(2, "a"), speech(2, "b")];
  a.play(ofA);
  b.play(ofB);
  await pass(2_300);
  for (const [sound, met] of [
    [ofA, atB],
    [ofB, atA],
  ] as const) {
    const { score, at } = correlation(sound, met.all());
    assert.ok(score > 0.99, `correlation ${score}`);
    near(longestSilence(met.all().subarray(at, at + sound.length)), longestSilence(sound), 20, "pause");
    assert.equal(met.concealed, 0);
    assert.deepEqual(met.timestamps.slice(0, 5), [0, 20, 40, 60, 80]);
  }
  await a.drained();
  const quality = a.close();
  assert.deepEqual([quality?.codec, quality?.packets_lost], ["PCMA", 0]);
  assert.ok((quality?.mos ?? 0) > 4.35, `${quality?.mos}`);
});

for (const suite of ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"] as const)
  test(`the same over SRTP with ${suite} (RFC 3711), reports too`, async (t) => {
    const { a, b, connect, pass } = await openTwo(t);
    const [one, other] = [randomBytes(30), randomBytes(30)];
    connect({ srtp: { suite, localKey: one, remoteKey: other } }, { srtp: { suite, localKey: other, remoteKey: one } });
    const met = listenTo(b);
    const sound = speech(1);
    a.play(sound);
    await pass(15_000);
    const { score } = correlation(sound, met.all(), 0, 2_000);
    assert.ok(score > 0.99, `correlation ${score}`);
    const quality = a.close();
    assert.equal(quality?.remote_packets_lost, 0);
    near(quality?.round_trip_ms ?? Number.NaN, 0, 3, "round trip");
  });

test("a wrong key is silence", async (t) => {
  const { a, b, connect, pass } = await openTwo(t);
  const suite = "AES_CM_128_HMAC_SHA1_80";
  connect(
    { srtp: { suite, localKey: randomBytes(30), remoteKey: randomBytes(30) } },
    { srtp: { suite, localKey: randomBytes(30), remoteKey: randomBytes(30) } },
  );
  const met = listenTo(b);
  a.play(speech(0.5));
  await pass(600);
  assert.ok(met.all().every((sample) => sample === 0));
  assert.equal(b.close()?.packets_received, 0);
});

test("another key in the middle of a word (re-INVITE): a new source takes over without a gap", async (t) => {
  const { a, b, connect, pass } = await openTwo(t);
  const suite = "AES_CM_128_HMAC_SHA1_80";
  const secure = () => {
    const [one, other] = [randomBytes(30), randomBytes(30)];
    connect({ srtp: { suite, localKey: one, remoteKey: other } }, { srtp: { suite, localKey: other, remoteKey: one } });
  };
  secure();
  const met = listenTo(b);
  const sound = speech(2);
  a.play(sound);
  await pass(900);
  secure();
  await pass(1_400);
  const { score } = correlation(sound, met.all());
  assert.ok(score > 0.98, `correlation ${score}`);
  const [sent, received] = [a.close(), b.close()];
  near(received?.packets_received ?? 0, sent?.packets_sent ?? Number.NaN, 2, "packets");
  assert.equal(received?.packets_lost, 0);
});

for (const packetMs of [10, 30, 40, 60])
  test(`in packets of ${packetMs} ms`, async (t) => {
    const { a, b, connect, pass } = await openTwo(t);
    connect({ packetMs, codec: "PCMU", payloadType: 0 });
    const met = listenTo(b);
    const sound = speech(1.5);
    a.play(sound);
    await pass(1_900);
    const { score } = correlation(sound, met.all());
    assert.ok(score > 0.99, `correlation ${score}`);
    near(a.close()?.packets_sent ?? 0, 1_900 / packetMs, 3, "packets");
  });

test("another codec in the middle of a word (re-INVITE)", async (t) => {
  const { a, b, connect, pass } = await openTwo(t);
  connect();
  const met = listenTo(b);
  const sound = speech(2);
  a.play(sound);
  await pass(900);
  connect({ codec: "PCMU", payloadType: 0 });
  await pass(1_400);
  const { score } = correlation(sound, met.all());
  assert.ok(score > 0.99, `correlation ${score}`);
  assert.equal(a.close()?.codec, "PCMU");
});

test("5 % loss, 30 ms jitter and 1 % reordering: speech arrives whole, what is missing is concealed", async (t) => {
  const { clock, a, b, connect, pass } = await openTwo(t);
  const relay = await openRelay({
    seed: "a bad network",
    a: { address: "127.0.0.1", port: a.port },
    b: { address: "127.0.0.1", port: b.port },
    loss: 0.05,
    jitterMs: 30,
    reorder: 0.01,
    clock,
  });
  t.after(() => relay.close());
  connect({}, {}, [relay.forB, relay.forA]);
  // The buffer learns the network in the silence before the first word.
  await pass(3_000);
  const met = listenTo(b);
  const sound = speech(8);
  a.play(sound);
  await pass(8_500);
  const all = met.all();
  const { score } = correlation(sound, all, 0, 2_400);
  for (let at = 0; at + 4_000 <= sound.length; at += 4_000) {
    const piece = correlation(sound.subarray(at, at + 4_000), all, at, Math.min(all.length - 4_000, at + 2_400));
    assert.ok(piece.score > 0.85, `correlation of the half second at ${at}: ${piece.score}`);
  }
  assert.ok(score > 0.8, `correlation of the whole ${score}`);
  const [first, last] = [sound.subarray(0, 8_000), sound.subarray(-8_000)].map((piece) => correlation(piece, all).at);
  near((last ?? 0) - (first ?? 0), sound.length - 8_000, 800, "duration in samples");
  const quality = b.close();
  assert.ok(met.concealed >= 10 && met.concealed < 60, `${met.concealed} frames concealed`);
  near(quality?.packets_lost ?? 0, 29, 15, "packets lost");
  assert.ok((quality?.mos ?? 5) < 4.2 && (quality?.mos ?? 0) > 3, `mos ${quality?.mos}`);
  assert.ok((quality?.jitter_ms ?? 0) > 3, `jitter ${quality?.jitter_ms}`);
});

test("on hold nothing is sent; afterwards what waited is said", async (t) => {
  const { a, b, connect, pass } = await openTwo(t);
  connect();
  await pass(300);
  connect({ direction: "recvonly" }, { direction: "sendonly" });
  await pass(100);
  const met = listenTo(b);
  const sound = speech(0.5);
  a.play(sound);
  let drained = false;
  a.drained().then(() => {
    drained = true;
  });
  await pass(1_000);
  assert.deepEqual(a.position(), { playedSamples: 0, waitingSamples: 4_000 });
  assert.equal(drained, false);
  assert.ok(met.all().every((sample) => sample === 0));
  connect();
  await pass(800);
  assert.equal(drained, true);
  assert.ok(correlation(sound, met.all()).score > 0.99);
});

test("in real time on the system's clock", async (t) => {
  const engine = createMediaEngine({ ports: { from: 20_000, to: 29_999 }, bindAddress: "127.0.0.1", log: createLog("silent") });
  t.after(() => engine.close());
  const [a, b] = await Promise.all([engine.open({}), engine.open({})]);
  a.negotiated(agreed(b.port));
  b.negotiated(agreed(a.port));
  a.start();
  b.start();
  const met = listenTo(b);
  const sound = speech(0.5);
  const began = performance.now();
  a.play(sound);
  await a.drained();
  assert.ok(performance.now() - began >= 460, "not quicker than it takes to say it");
  // A busy machine may have stood still, so only a piece of it is looked for.
  const frames = met.heard.length + 20;
  await until(() => met.heard.length >= frames);
  assert.ok(correlation(sound.subarray(800, 1_600), met.all()).score > 0.95);
  assert.equal(engine.size, 2);
  a.close();
  assert.equal(engine.size, 1);
});
