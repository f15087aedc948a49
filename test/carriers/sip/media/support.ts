import assert from "node:assert/strict";
import { seededRandom } from "../../../../src/carriers/simulator/random.ts";
import type { MediaClock } from "../../../../src/carriers/sip/media/clock.ts";
import { createMediaSession, type DrivenSession } from "../../../../src/carriers/sip/media/createMediaSession.ts";
import { createPacer } from "../../../../src/carriers/sip/media/createPacer.ts";
import type { MediaHandler } from "../../../../src/carriers/sip/media/media.ts";
import { writeRtpHeader } from "../../../../src/carriers/sip/media/rtp-packet.ts";
import type { NegotiatedAudio } from "../../../../src/carriers/sip/sdp/negotiation.ts";
import { createLog } from "../../../../src/platform/log.ts";

/** Speech-like: a voice whose pitch glides from 100 to 180 Hz with eight harmonics, syllables, pauses and a little noise. */
export function speech(seconds: number, seed = "speech"): Int16Array {
  const random = seededRandom(seed);
  const samples = new Int16Array(Math.round(seconds * 8_000));
  let phase = 0;
  for (let index = 0; index < samples.length; index++) {
    const time = index / 8_000;
    phase += (2 * Math.PI * (140 + 40 * Math.sin(2 * Math.PI * 0.7 * time + 1))) / 8_000;
    const syllable = Math.max(0, Math.sin(2 * Math.PI * 2.3 * time)) ** 0.7;
    const word = Math.sin(2 * Math.PI * 0.31 * time + 0.5) > -0.75 ? 1 : 0;
    let value = 0;
    for (let harmonic = 1; harmonic <= 8; harmonic++)
      value += (Math.sin(harmonic * phase + harmonic) * (1.2 + Math.sin(harmonic * 2 + 3 * time))) / harmonic;
    samples[index] = 4_000 * value * syllable * word + (random() - 0.5) * 60;
  }
  return samples;
}

/** Normalised correlation of `part`, somewhere in `whole` around `near`. */
export function correlation(part: Int16Array, whole: Int16Array, from = 0, to = whole.length - part.length): { score: number; at: number } {
  let best = { score: -1, at: 0 };
  let energy = 0;
  for (const sample of part) energy += sample * sample;
  for (let at = from; at <= to; at++) {
    let product = 0;
    let other = 0;
    for (let index = 0; index < part.length; index++) {
      const sample = whole[at + index] ?? 0;
      product += sample * (part[index] ?? 0);
      other += sample * sample;
    }
    const score = product / Math.sqrt(energy * other + 1);
    if (score > best.score) best = { score, at };
  }
  return best;
}

export const joined = (frames: Int16Array[]): Int16Array => {
  const all = new Int16Array(frames.reduce((sum, frame) => sum + frame.length, 0));
  let at = 0;
  for (const frame of frames) {
    all.set(frame, at);
    at += frame.length;
  }
  return all;
};

export const agreed = (port: number, changes: Partial<NegotiatedAudio> = {}): NegotiatedAudio => ({
  codec: "PCMA",
  payloadType: 8,
  sendEventPayloadType: 101,
  receiveEventPayloadType: 101,
  remote: { address: "127.0.0.1", port, rtcpPort: port + 1 },
  direction: "sendrecv",
  packetMs: 20,
  srtp: null,
  ...changes,
});

export interface FakeClock extends MediaClock {
  /** Lets time pass; what is due meanwhile is called at its time. */
  pass(ms: number): void;
  /** Time passes, but nobody gets to do anything until it is over. */
  freeze(ms: number): void;
  /** How many wait. */
  readonly waiting: number;
}

export function createFakeClock(): FakeClock {
  let now = 1_000;
  let timers: Array<{ at: number; callback: () => void }> = [];
  const after = (ms: number, callback: () => void) => {
    const timer = { at: now + ms, callback };
    timers.push(timer);
    return () => {
      timers = timers.filter((one) => one !== timer);
    };
  };
  return {
    now: () => now,
    wall: () => 1_700_000_000_000 + now,
    after,
    soon: (callback) => after(0, callback),
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        timers = timers.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.callback();
      }
      now = end;
    },
    freeze(ms) {
      now += ms;
    },
    get waiting() {
      return timers.length;
    },
  };
}

/** Lets time pass in milliseconds, and in each of them real sockets be read. */
export async function passOverSockets(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed++) {
    clock.pass(1);
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

export interface SentPacket {
  bytes: Buffer;
  address: string;
  port: number;
  atMs: number;
}

export interface Bench extends DrivenSession {
  clock: FakeClock;
  /** What went out, copied. */
  rtp: SentPacket[];
  rtcp: SentPacket[];
  /** Errors that the sockets answer with from now on. */
  failWith: Error | null;
  closedTimes: number;
}

/** A session without sockets, on a clock of the test. */
export function openBench(handler: MediaHandler = {}, seed = "bench"): Bench {
  const clock = createFakeClock();
  const pacer = createPacer(clock, (error) => {
    throw error;
  });
  const wire = (into: SentPacket[]) => ({
    send(bytes: Buffer, address: string, port: number, done: (error: Error | null) => void) {
      into.push({ bytes: Buffer.from(bytes), address, port, atMs: clock.now() });
      done(bench.failWith);
    },
  });
  const [rtp, rtcp]: [SentPacket[], SentPacket[]] = [[], []];
  const driven = createMediaSession({
    port: 4_000,
    rtp: wire(rtp),
    rtcp: wire(rtcp),
    clock,
    random: seededRandom(seed),
    log: createLog("silent"),
    handler,
    silentAfterMs: 30_000,
    closed: () => {
      bench.closedTimes++;
      leave();
    },
  });
  const bench: Bench = { ...driven, clock, rtp, rtcp, failWith: null, closedTimes: 0 };
  const leave = pacer.add(driven.paced);
  // Between two frames, so that the next ones come after 10 ms, 30 ms ...
  clock.pass(10);
  return bench;
}

export function rtpPacket(fields: {
  payload: Uint8Array;
  sequence: number;
  timestamp: number;
  ssrc?: number;
  payloadType?: number;
  marker?: boolean;
}): Buffer {
  const packet = Buffer.alloc(12 + fields.payload.length);
  writeRtpHeader(
    packet,
    fields.marker ?? false,
    fields.payloadType ?? 8,
    fields.sequence & 0xffff,
    fields.timestamp >>> 0,
    fields.ssrc ?? 0x1234_5678,
  );
  packet.set(fields.payload, 12);
  return packet;
}

export const eventPayload = (event: number, duration: number, end = false): Buffer =>
  Buffer.from([event, (end ? 0x80 : 0) | 10, duration >> 8, duration & 0xff]);

/** No stretch of zeros longer than this in what should be sound. */
export function longestSilence(samples: Int16Array): number {
  let longest = 0;
  let run = 0;
  for (const sample of samples) {
    run = Math.abs(sample) <= 8 ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

export const near = (value: number, wanted: number, by: number, what: string) =>
  assert.ok(Math.abs(value - wanted) <= by, `${what}: ${value}, not ${wanted} ± ${by}`);
