import type { Codec } from "../../../core/trunks/trunk.ts";
import type { NegotiatedAudio } from "../sdp/negotiation.ts";
import { createEventReceiver } from "./createEventReceiver.ts";
import { createJitterBuffer, type Heard } from "./createJitterBuffer.ts";
import type { Latch } from "./createLatch.ts";
import type { Reception } from "./createReception.ts";
import { G711 } from "./g711.ts";
import { emptyRtpHeader, MAX_RTP_BYTES, parseRtpHeader, removePadding } from "./rtp-packet.ts";
import type { SrtpReceiver } from "./srtp.ts";

/** From a packet off the network to what is heard. */
export interface RtpReceiver {
  /** What is understood from now on; undefined: nothing is to come. */
  expect(audio: NegotiatedAudio | undefined, srtp: SrtpReceiver | undefined): void;
  /** True when it was of the other side. `measured`: false when we were asleep and cannot say when it came. The packet is changed. */
  receive(packet: Buffer, address: string, port: number, nowMs: number, measured: boolean): boolean;
  /** The next 20 ms. */
  take(dueMs: number, into: Int16Array): Heard;
  /** Source that is heard. */
  ssrc(): number | undefined;
  late(): number;
  /** Mean length of what was concealed, in frames. */
  meanBurst(): number;
  meanDelayMs(): number;
  readonly refused: Readonly<Refused>;
}

/** Packets that were not let in. */
export interface Refused {
  malformed: number;
  /** Not from the other side, as far as we can tell. */
  foreign: number;
  unauthentic: number;
  unknownType: number;
}

/** RFC 3551: fixed for G.711, and understood whatever was agreed, because gateways send the other law at times. */
const STATIC: Readonly<Record<number, Codec>> = { 0: "PCMU", 8: "PCMA" };
const COMFORT_NOISE = 13;
/** Another source takes over when the present one has been silent for this long. */
const SOURCE_SILENT_MS = 100;

/** Of the packet that is being read, whosever it is. */
const samples = new Int16Array(MAX_RTP_BYTES);

export function createRtpReceiver(options: { latch: Latch; reception: Reception; digit(digit: string): void }): RtpReceiver {
  const { latch, reception } = options;
  const header = emptyRtpHeader();
  const jitter = createJitterBuffer();
  const events = createEventReceiver(options.digit);
  const refused: Refused = { malformed: 0, foreign: 0, unauthentic: 0, unknownType: 0 };
  let audio: NegotiatedAudio | undefined;
  let srtp: SrtpReceiver | undefined;
  let ssrc: number | undefined;
  let heardMs = Number.NEGATIVE_INFINITY;
  let delaySum = 0;
  let delayCount = 0;

  const law = (payloadType: number): Codec | undefined =>
    payloadType === audio?.payloadType ? audio.codec : payloadType === audio?.receiveEventPayloadType ? undefined : STATIC[payloadType];

  const begin = () => {
    ssrc = header.ssrc;
    reception.restart();
    jitter.restart();
    events.restart();
  };

  return {
    expect(changed, keys) {
      if (!changed) jitter.restart();
      // What came while nothing was to come was not looked at: it is not lost.
      else if (!audio) reception.restart();
      audio = changed;
      // With a new agreement another source may speak at once.
      heardMs = Number.NEGATIVE_INFINITY;
      srtp = keys;
    },

    receive(packet, address, port, nowMs, measured) {
      if (!audio) return false;
      if (!parseRtpHeader(packet, header)) {
        refused.malformed++;
        return false;
      }
      const codec = law(header.payloadType);
      const event = header.payloadType === audio.receiveEventPayloadType;
      if (!codec && !event && header.payloadType !== COMFORT_NOISE) {
        refused.unknownType++;
        return false;
      }
      let end = packet.length;
      if (srtp) {
        end = srtp.unprotect(packet, header.payloadStart);
        if (end < 0) {
          refused.unauthentic++;
          return false;
        }
      }
      if (!removePadding(packet, end, header)) {
        refused.malformed++;
        return false;
      }
      if (!latch.accepts(header, address, port, nowMs, srtp !== undefined)) {
        refused.foreign++;
        return false;
      }
      if (header.ssrc !== ssrc) {
        if (ssrc !== undefined && nowMs - heardMs < SOURCE_SILENT_MS) {
          refused.foreign++;
          return false;
        }
        begin();
      }
      heardMs = nowMs;

      const { sequence, timestamp, payloadStart, payloadEnd } = header;
      if (!reception.receive(sequence, timestamp, codec && measured ? Math.round(nowMs * 8) : undefined)) return true;
      if (codec && payloadEnd > payloadStart) {
        const { decode } = G711[codec];
        for (let at = payloadStart; at < payloadEnd; at++) samples[at - payloadStart] = decode[packet[at] ?? 0] ?? 0;
        const put = jitter.put(sequence, timestamp, samples, payloadEnd - payloadStart, nowMs, measured);
        if (put === "duplicate") reception.duplicate();
      } else {
        jitter.skip(sequence);
        if (event) events.receive(packet, payloadStart, payloadEnd, sequence, timestamp, header.marker);
      }
      return true;
    },

    take(dueMs, into) {
      const heard = jitter.take(dueMs, into);
      if (heard !== "silence") {
        delaySum += jitter.delayMs();
        delayCount++;
      }
      return heard;
    },
    ssrc: () => ssrc,
    late: () => jitter.late(),
    meanBurst: () => (jitter.concealedRuns() === 0 ? 0 : jitter.concealedFrames() / jitter.concealedRuns()),
    meanDelayMs: () => (delayCount === 0 ? 0 : delaySum / delayCount),
    refused,
  };
}
