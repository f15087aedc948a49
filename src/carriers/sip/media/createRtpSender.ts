import type { Random } from "./clock.ts";
import type { Law } from "./g711.ts";
import { RTP_HEADER_BYTES, writeRtpHeader } from "./rtp-packet.ts";
import { SRTP_ROOM, type SrtpSender } from "./srtp.ts";

/** Makes packets of what is said, frame by frame. Its timestamp goes on with time, whether anything is sent or not. */
export interface RtpSender {
  /**
   * How the next frames go. `packetSamples`: in one packet. In the place of one key another one brings a new source with it: its
   * roll-over counter is 0 for whoever has followed the call and for whoever has not (RFC 3711 3.3.1).
   */
  format(format: { law: Law; payloadType: number; packetSamples: number; srtp: SrtpSender | undefined }): void;
  /** 20 ms of sound. */
  sound(samples: Int16Array): void;
  /** 20 ms of a key press (RFC 4733): `duration` in samples since it began; `begins` starts a new one. */
  event(payloadType: number, event: number, duration: number, begins: boolean, end: boolean): void;
  /** So many frames in which nothing is sent. */
  nothing(frames: number): void;
  ssrc(): number;
  /** Timestamp of the next frame. */
  timestamp(): number;
  /** Of this source. */
  packets(): number;
  /** Of payload. */
  octets(): number;
  /** Packets of all sources. */
  packetsTotal(): number;
  failed(): number;
}

export const MAX_PACKET_SAMPLES = 60 * 8;
const FRAME = 160;
/** -10 dBm0. */
const EVENT_VOLUME = 10;
/** Packets that the socket may still hold when the next one is written. */
const SLOTS = 8;

interface Slot {
  bytes: Buffer;
  /** The part that was last sent: of the same length nearly always, so made once. */
  view: Buffer;
  busy: boolean;
  done: (error: Error | null) => void;
}

export function createRtpSender(random: Random, send: (bytes: Buffer, done: (error: Error | null) => void) => void): RtpSender {
  let ssrc = 0;
  let sequence = 0;
  let timestamp = Math.floor(random() * 2 ** 32);
  let format: Parameters<RtpSender["format"]>[0] | undefined;
  const pending = new Uint8Array(MAX_PACKET_SAMPLES + FRAME);
  let filled = 0;
  let marker = true;
  let eventTimestamp = 0;
  let packets = 0;
  let octets = 0;
  let earlierPackets = 0;
  let failed = 0;
  let next = 0;

  const begin = () => {
    ssrc = Math.floor(random() * 2 ** 32);
    // Below half, so that the receiver of SRTP cannot take the first packets for those after a wrap (RFC 3711 3.3.1).
    sequence = Math.floor(random() * 0x8000);
    earlierPackets += packets;
    packets = octets = 0;
    marker = true;
  };
  begin();

  const slots: Slot[] = Array.from({ length: SLOTS }, () => {
    const bytes = Buffer.alloc(RTP_HEADER_BYTES + MAX_PACKET_SAMPLES + FRAME + SRTP_ROOM);
    const slot: Slot = {
      bytes,
      view: bytes,
      busy: false,
      done(error) {
        slot.busy = false;
        if (error) failed++;
      },
    };
    return slot;
  });

  const emit = (slot: Slot, marked: boolean, payloadType: number, at: number, length: number) => {
    writeRtpHeader(slot.bytes, marked, payloadType, sequence, at, ssrc);
    sequence = (sequence + 1) & 0xffff;
    let end = RTP_HEADER_BYTES + length;
    if (format?.srtp) end = format.srtp.protect(slot.bytes, end, RTP_HEADER_BYTES);
    if (slot.view.length !== end) slot.view = slot.bytes.subarray(0, end);
    slot.busy = true;
    packets++;
    octets += length;
    send(slot.view, slot.done);
  };

  /** A slot that the socket has let go of. When it holds them all, the packet is as good as lost. */
  const free = (): Slot | undefined => {
    const slot = slots[next];
    next = (next + 1) % SLOTS;
    if (!slot?.busy) return slot;
    failed++;
    sequence = (sequence + 1) & 0xffff;
    return undefined;
  };

  const flush = (length: number) => {
    if (!format || length === 0) return;
    const at = (timestamp - filled) >>> 0;
    const slot = free();
    if (slot) {
      for (let index = 0; index < length; index++) slot.bytes[RTP_HEADER_BYTES + index] = pending[index] ?? 0;
      emit(slot, marker, format.payloadType, at, length);
      marker = false;
    }
    pending.copyWithin(0, length, filled);
    filled -= length;
  };

  return {
    format(changed) {
      flush(filled);
      if (format?.srtp && changed.srtp && changed.srtp !== format.srtp) begin();
      format = changed;
    },
    sound(samples) {
      if (!format) return;
      const { encode } = format.law;
      for (let index = 0; index < FRAME; index++) pending[filled + index] = encode[(samples[index] ?? 0) & 0xffff] ?? 0;
      filled += FRAME;
      timestamp = (timestamp + FRAME) >>> 0;
      while (filled >= format.packetSamples) flush(format.packetSamples);
    },
    event(payloadType, event, duration, begins, end) {
      flush(filled);
      if (begins) eventTimestamp = timestamp;
      const slot = free();
      if (slot) {
        slot.bytes[RTP_HEADER_BYTES] = event;
        slot.bytes[RTP_HEADER_BYTES + 1] = (end ? 0x80 : 0) | EVENT_VOLUME;
        slot.bytes.writeUInt16BE(duration, RTP_HEADER_BYTES + 2);
        emit(slot, begins, payloadType, eventTimestamp, 4);
      }
      timestamp = (timestamp + FRAME) >>> 0;
      marker = true;
    },
    nothing(frames) {
      flush(filled);
      timestamp = (timestamp + frames * FRAME) >>> 0;
      marker = true;
    },
    ssrc: () => ssrc,
    timestamp: () => timestamp,
    packets: () => packets,
    octets: () => octets,
    packetsTotal: () => earlierPackets + packets,
    failed: () => failed,
  };
}
