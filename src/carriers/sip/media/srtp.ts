import type { NegotiatedSrtp } from "../sdp/negotiation.ts";
import { createReplayWindow, type ReplayWindow } from "./createReplayWindow.ts";
import { MAX_RTP_BYTES } from "./rtp-packet.ts";
import { createSrtpKeys } from "./srtp-keys.ts";

/**
 * SRTP and SRTCP (RFC 3711) with AES in counter mode and HMAC-SHA1, keys by RFC 4568. Packets are changed in place.
 */
export interface SrtpSender {
  /** The packet is `length` bytes of a buffer with room for the tag. Gives the protected length. */
  protect(packet: Buffer, length: number, payloadStart: number): number;
  protectRtcp(packet: Buffer, length: number): number;
}

export interface SrtpReceiver {
  /** The length in the clear, or -1: forged, broken or replayed. */
  unprotect(packet: Buffer, payloadStart: number): number;
  unprotectRtcp(packet: Buffer): number;
  /** How far each source has come, by SSRC. */
  readonly sources: ReadonlyMap<number, Readonly<Progress>>;
}

export interface Progress {
  rollOver: number;
  highest: number;
}

export type Suite = NegotiatedSrtp["suite"];

/** Most that `protect` and `protectRtcp` add. */
export const SRTP_ROOM = 14;
const RTCP_TAG = 10;
/** Sources whose roll-over counter is kept; a source is taken up only with an authenticated packet. */
const MAX_SOURCES = 8;

const tagLength = (suite: Suite) => (suite === "AES_CM_128_HMAC_SHA1_80" ? 10 : 4);

/** `master`: key and salt, 30 bytes. */
export function createSrtpSender(suite: Suite, master: Buffer): SrtpSender {
  const rtp = createSrtpKeys(master, 0, tagLength(suite));
  const rtcp = createSrtpKeys(master, 3, RTCP_TAG);
  let rollOver = 0;
  let highest = -1;
  let rtcpIndex = 0;

  return {
    protect(packet, length, payloadStart) {
      const sequence = packet.readUInt16BE(2);
      if (highest >= 0 && sequence < highest && highest - sequence > 0x8000) rollOver = (rollOver + 1) >>> 0;
      highest = sequence;
      rtp.crypt(packet, payloadStart, length, packet.readUInt32BE(8), rollOver, sequence);
      packet.writeUInt32BE(rollOver, length);
      return rtp.tag(packet, length + 4, length);
    },
    protectRtcp(packet, length) {
      const index = rtcpIndex++ & 0x7fff_ffff;
      rtcp.crypt(packet, 8, length, packet.readUInt32BE(4), index >>> 16, index & 0xffff);
      packet.writeUInt32BE((index | 0x8000_0000) >>> 0, length);
      return rtcp.tag(packet, length + 4, length + 4);
    },
  };
}

interface ReceivedSource extends Progress {
  window: ReplayWindow;
}

/**
 * `before`: the receiver whose key this one replaces. A new key does not begin the roll-over counter anew (RFC 3711 3.3.1), but
 * a sender that knows nothing of the old key begins at 0: a source's first packet tells which it is. So it does of a source of
 * which nothing has come before its sequence wrapped for the first time: the counter is 1 then.
 */
export function createSrtpReceiver(suite: Suite, master: Buffer, before?: SrtpReceiver): SrtpReceiver {
  const rtp = createSrtpKeys(master, 0, tagLength(suite));
  const rtcp = createSrtpKeys(master, 3, RTCP_TAG);
  const sources = new Map<number, ReceivedSource>();
  const rtcpSources = new Map<number, ReplayWindow>();
  const remember = <T>(map: Map<number, T>, ssrc: number, value: T) => {
    if (map.size >= MAX_SOURCES) for (const oldest of map.keys()) if (map.delete(oldest)) break;
    map.set(ssrc, value);
  };

  return {
    unprotect(packet, payloadStart) {
      const end = packet.length - rtp.tagBytes;
      if (end < payloadStart || end > MAX_RTP_BYTES) return -1;
      const sequence = packet.readUInt16BE(2);
      const ssrc = packet.readUInt32BE(8);
      const source = sources.get(ssrc);
      let rollOver = source ? guessRollOver(source, sequence) : 0;
      if (rollOver < 0 || source?.window.has(rollOver * 65_536 + sequence)) return -1;
      if (!rtp.verify(packet, end, end, rollOver)) {
        if (source) return -1;
        const earlier = before?.sources.get(ssrc);
        rollOver = earlier ? guessRollOver(earlier, sequence) : 1;
        if (rollOver <= 0 || !rtp.verify(packet, end, end, rollOver)) return -1;
      }
      const index = rollOver * 65_536 + sequence;

      rtp.crypt(packet, payloadStart, end, ssrc, rollOver, sequence);
      const known = source ?? { rollOver, highest: sequence, window: createReplayWindow() };
      if (!source) remember(sources, ssrc, known);
      known.window.add(index);
      if (index > known.rollOver * 65_536 + known.highest) {
        known.rollOver = rollOver;
        known.highest = sequence;
      }
      return end;
    },
    unprotectRtcp(packet) {
      const end = packet.length - RTCP_TAG - 4;
      if (end < 8 || end > MAX_RTP_BYTES) return -1;
      const word = packet.readUInt32BE(end);
      const index = word & 0x7fff_ffff;
      const ssrc = packet.readUInt32BE(4);
      const window = rtcpSources.get(ssrc);
      if (window?.has(index) || !rtcp.verify(packet, end + 4, end + 4, -1)) return -1;
      if (word >= 0x8000_0000) rtcp.crypt(packet, 8, end, ssrc, index >>> 16, index & 0xffff);
      const known = window ?? createReplayWindow();
      if (!window) remember(rtcpSources, ssrc, known);
      known.add(index);
      return end;
    },
    sources,
  };
}

/** RFC 3711 3.3.1: the roll-over counter that brings this sequence number nearest to the highest one. -1: before the beginning. */
function guessRollOver(source: Readonly<Progress>, sequence: number): number {
  if (source.highest < 0x8000) return sequence - source.highest > 0x8000 ? source.rollOver - 1 : source.rollOver;
  return source.highest - 0x8000 > sequence ? source.rollOver + 1 : source.rollOver;
}
