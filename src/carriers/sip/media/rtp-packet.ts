/** RTP packets (RFC 3550 5.1), read and written without allocation. */

export const RTP_HEADER_BYTES = 12;
/** More than any sensible packet of ours or theirs: 200 ms of G.711 and a tag. */
export const MAX_RTP_BYTES = 2_048;

export interface RtpHeader {
  marker: boolean;
  payloadType: number;
  sequence: number;
  timestamp: number;
  ssrc: number;
  /** Where the header ends (and encryption begins), CSRCs and extension included. */
  payloadStart: number;
  payloadEnd: number;
}

export const emptyRtpHeader = (): RtpHeader => ({
  marker: false,
  payloadType: 0,
  sequence: 0,
  timestamp: 0,
  ssrc: 0,
  payloadStart: 0,
  payloadEnd: 0,
});

/**
 * Reads the fixed part and finds where the payload begins. False: not RTP of version 2, too short for what it claims, or RTCP
 * that came to the wrong port (RFC 5761 4). Padding is not looked at: it may still be encrypted.
 */
export function parseRtpHeader(bytes: Buffer, into: RtpHeader): boolean {
  const length = bytes.length;
  if (length < RTP_HEADER_BYTES || length > MAX_RTP_BYTES) return false;
  const first = bytes[0] ?? 0;
  const second = bytes[1] ?? 0;
  if (first >> 6 !== 2 || (second >= 192 && second <= 223)) return false;
  let start = RTP_HEADER_BYTES + (first & 0x0f) * 4;
  if (first & 0x10) {
    if (start + 4 > length) return false;
    start += 4 + bytes.readUInt16BE(start + 2) * 4;
  }
  if (start > length) return false;
  into.marker = second >= 128;
  into.payloadType = second & 0x7f;
  into.sequence = bytes.readUInt16BE(2);
  into.timestamp = bytes.readUInt32BE(4);
  into.ssrc = bytes.readUInt32BE(8);
  into.payloadStart = start;
  into.payloadEnd = length;
  return true;
}

/** Takes padding off a packet in the clear; `end` is where it ends. False when there is more padding than payload. */
export function removePadding(bytes: Buffer, end: number, header: RtpHeader): boolean {
  header.payloadEnd = end;
  if (!((bytes[0] ?? 0) & 0x20)) return true;
  const padding = bytes[end - 1] ?? 0;
  if (padding === 0 || end - padding < header.payloadStart) return false;
  header.payloadEnd = end - padding;
  return true;
}

export function writeRtpHeader(
  bytes: Buffer,
  marker: boolean,
  payloadType: number,
  sequence: number,
  timestamp: number,
  ssrc: number,
): void {
  bytes[0] = 0x80;
  bytes[1] = (marker ? 0x80 : 0) | payloadType;
  bytes.writeUInt16BE(sequence, 2);
  bytes.writeUInt32BE(timestamp, 4);
  bytes.writeUInt32BE(ssrc, 8);
}
