/** RTCP compound packets (RFC 3550 6). */

export interface SenderInfo {
  /** NTP timestamp, both halves. */
  ntpSeconds: number;
  ntpFraction: number;
  rtpTimestamp: number;
  packets: number;
  octets: number;
}

export interface ReportBlock {
  ssrc: number;
  /** Of 256. */
  fractionLost: number;
  cumulativeLost: number;
  highestSequence: number;
  /** In units of the timestamp. */
  jitter: number;
  /** Middle 32 bits of the NTP timestamp of the last sender report, and 1/65536 s since then; 0 without one. */
  lastReport: number;
  delaySinceLastReport: number;
}

export interface Report {
  ssrc: number;
  sender: SenderInfo | null;
  blocks: ReportBlock[];
}

export interface RtcpContent {
  reports: Report[];
  cnames: Array<{ ssrc: number; cname: string }>;
  bye: number[];
}

const SR = 200;
const RR = 201;
const SDES = 202;
const BYE = 203;
const CNAME = 1;
const BLOCK_BYTES = 24;

/** A sender report when `sender` is there, else a receiver report; the name; and a goodbye when told so. Gives the length. */
export function writeRtcp(
  into: Buffer,
  content: { ssrc: number; sender: SenderInfo | null; block: ReportBlock | null; cname: string; bye: boolean },
): number {
  const { ssrc, sender, block, cname, bye } = content;
  let at = 8;
  if (sender) {
    at = into.writeUInt32BE(sender.ntpSeconds, at);
    at = into.writeUInt32BE(sender.ntpFraction, at);
    at = into.writeUInt32BE(sender.rtpTimestamp, at);
    at = into.writeUInt32BE(sender.packets % 2 ** 32, at);
    at = into.writeUInt32BE(sender.octets % 2 ** 32, at);
  }
  if (block) {
    at = into.writeUInt32BE(block.ssrc, at);
    at = into.writeUInt8(block.fractionLost, at);
    at = into.writeIntBE(Math.max(-0x80_0000, Math.min(0x7f_ffff, block.cumulativeLost)), at, 3);
    at = into.writeUInt32BE(block.highestSequence % 2 ** 32, at);
    at = into.writeUInt32BE(Math.floor(block.jitter), at);
    at = into.writeUInt32BE(block.lastReport, at);
    at = into.writeUInt32BE(block.delaySinceLastReport, at);
  }
  writeHeader(into, 0, block ? 1 : 0, sender ? SR : RR, at);
  into.writeUInt32BE(ssrc, 4);

  const sdes = at;
  at = into.writeUInt32BE(ssrc, sdes + 4);
  at = into.writeUInt8(CNAME, at);
  at = into.writeUInt8(into.write(cname, at + 1, 64, "ascii"), at) + Math.min(64, cname.length);
  do at = into.writeUInt8(0, at);
  while (at % 4 !== 0);
  writeHeader(into, sdes, 1, SDES, at);

  if (bye) {
    into.writeUInt32BE(ssrc, at + 4);
    writeHeader(into, at, 1, BYE, at + 8);
    at += 8;
  }
  return at;
}

function writeHeader(into: Buffer, at: number, count: number, type: number, end: number): void {
  into.writeUInt8(0x80 | count, at);
  into.writeUInt8(type, at + 1);
  into.writeUInt16BE((end - at) / 4 - 1, at + 2);
}

/** What a compound packet of `length` bytes says; null when it is not one (RFC 3550 A.2). Unknown kinds are stepped over. */
export function parseRtcp(bytes: Buffer, length: number): RtcpContent | null {
  if (length < 8 || length > bytes.length) return null;
  const first = bytes.readUInt8(1);
  // No padding in the first packet; reduced-size packets (RFC 5506) are not for us.
  if ((bytes.readUInt8(0) & 0xe0) !== 0x80 || (first !== SR && first !== RR)) return null;
  const content: RtcpContent = { reports: [], cnames: [], bye: [] };
  let at = 0;
  while (at + 4 <= length) {
    const head = bytes.readUInt8(at);
    const end = at + (bytes.readUInt16BE(at + 2) + 1) * 4;
    if (head >> 6 !== 2 || end > length) return null;
    const padding = head & 0x20 ? bytes.readUInt8(end - 1) : 0;
    if (end - padding < at + 4) return null;
    readPacket(bytes.subarray(at, end - padding), content);
    at = end;
  }
  return at === length ? content : null;
}

function readPacket(packet: Buffer, content: RtcpContent): void {
  const count = packet.readUInt8(0) & 0x1f;
  switch (packet.readUInt8(1)) {
    case SR:
    case RR:
      readReport(packet, count, content);
      break;
    case SDES:
      readNames(packet, count, content);
      break;
    case BYE:
      for (let index = 0; index < count && 8 + index * 4 <= packet.length; index++) content.bye.push(packet.readUInt32BE(4 + index * 4));
  }
}

function readReport(packet: Buffer, count: number, content: RtcpContent): void {
  const isSender = packet.readUInt8(1) === SR;
  const start = isSender ? 28 : 8;
  if (packet.length < start) return;
  const sender = isSender
    ? {
        ntpSeconds: packet.readUInt32BE(8),
        ntpFraction: packet.readUInt32BE(12),
        rtpTimestamp: packet.readUInt32BE(16),
        packets: packet.readUInt32BE(20),
        octets: packet.readUInt32BE(24),
      }
    : null;
  const blocks: ReportBlock[] = [];
  for (let index = 0; index < count; index++) {
    const at = start + index * BLOCK_BYTES;
    if (at + BLOCK_BYTES > packet.length) break;
    blocks.push({
      ssrc: packet.readUInt32BE(at),
      fractionLost: packet.readUInt8(at + 4),
      cumulativeLost: packet.readIntBE(at + 5, 3),
      highestSequence: packet.readUInt32BE(at + 8),
      jitter: packet.readUInt32BE(at + 12),
      lastReport: packet.readUInt32BE(at + 16),
      delaySinceLastReport: packet.readUInt32BE(at + 20),
    });
  }
  content.reports.push({ ssrc: packet.readUInt32BE(4), sender, blocks });
}

function readNames(packet: Buffer, count: number, content: RtcpContent): void {
  let at = 4;
  for (let chunk = 0; chunk < count && at + 4 <= packet.length; chunk++) {
    const ssrc = packet.readUInt32BE(at);
    at += 4;
    while (at < packet.length && packet.readUInt8(at) !== 0) {
      if (at + 2 > packet.length) return;
      const type = packet.readUInt8(at);
      const end = at + 2 + packet.readUInt8(at + 1);
      if (end > packet.length) return;
      if (type === CNAME) content.cnames.push({ ssrc, cname: packet.toString("utf8", at + 2, end) });
      at = end;
    }
    at = (at + 4) & ~3;
  }
}
