import type { Random } from "./clock.ts";
import type { Reception } from "./createReception.ts";
import { parseRtcp, type ReportBlock, type SenderInfo, writeRtcp } from "./rtcp-packet.ts";

/** The reports of one call: when the next one is due, what goes into it, and what theirs say of ours. */
export interface RtcpReports {
  /** True when a report is to go now; the next one is then planned. */
  due(nowMs: number): boolean;
  write(into: Buffer, now: { ms: number; ntpMs: number }, sent: Sent, bye: boolean): number;
  /** What has come, in the clear. False when it is not RTCP, or of a source that is not the one we hear. */
  receive(bytes: Buffer, length: number, nowMs: number): boolean;
  roundTripMs(): number | null;
  remoteLost(): number | null;
  /** In units of the timestamp. */
  remoteJitter(): number | null;
}

/** What we have sent. `since`: anything in the last two intervals, so that it is a sender report. */
export interface Sent {
  packets: number;
  octets: number;
  timestamp: number;
  recently: boolean;
}

const MINIMUM_MS = 5_000;
/** RFC 3550 6.3.1: e - 3/2, against what timer reconsideration takes. */
const COMPENSATION = Math.E - 1.5;
const NTP_EPOCH_SECONDS = 2_208_988_800;

export function createRtcpReports(options: {
  /** Our source. */
  ssrc(): number;
  cname: string;
  random: Random;
  reception: Reception;
  /** Source that we hear; undefined as long as there is none. */
  heard(): number | undefined;
}): RtcpReports {
  const { cname, random, reception } = options;
  let nextMs: number | undefined;
  let lastReport = 0;
  let lastReportMs = 0;
  let lastReportOf: number | undefined;
  let roundTripMs: number | null = null;
  let remoteLost: number | null = null;
  let remoteJitter: number | null = null;

  const interval = (minimumMs: number) => (minimumMs * (0.5 + random())) / COMPENSATION;

  const block = (nowMs: number): ReportBlock | null => {
    const heard = options.heard();
    if (heard === undefined) return null;
    const known = lastReportOf === heard;
    return {
      ssrc: heard,
      fractionLost: reception.fractionLost(),
      cumulativeLost: reception.lost(),
      highestSequence: reception.extendedHighestSequence(),
      jitter: reception.jitter(),
      lastReport: known ? lastReport : 0,
      delaySinceLastReport: known ? Math.min(0xffff_ffff, Math.round((nowMs - lastReportMs) * 65.536)) : 0,
    };
  };

  /** Middle 32 bits of the NTP time `ms` (since 1970). */
  const middle = (ms: number) => {
    const { ntpSeconds, ntpFraction } = ntp(ms);
    return ((ntpSeconds << 16) | (ntpFraction >>> 16)) >>> 0;
  };
  let ntpOffsetMs = 0;

  return {
    due(nowMs) {
      if (nextMs === undefined) {
        // The first one comes in half the time (RFC 3550 6.2).
        nextMs = nowMs + interval(MINIMUM_MS / 2);
        return false;
      }
      if (nowMs < nextMs) return false;
      nextMs = nowMs + interval(MINIMUM_MS);
      return true;
    },
    write(into, now, sent, bye) {
      ntpOffsetMs = now.ntpMs - now.ms;
      const sender: SenderInfo | null = sent.recently
        ? { ...ntp(now.ntpMs), rtpTimestamp: sent.timestamp >>> 0, packets: sent.packets, octets: sent.octets }
        : null;
      return writeRtcp(into, { ssrc: options.ssrc(), sender, block: block(now.ms), cname, bye });
    },
    receive(bytes, length, nowMs) {
      const content = parseRtcp(bytes, length);
      if (!content) return false;
      const heard = options.heard();
      if (heard !== undefined && !content.reports.some((report) => report.ssrc === heard)) return false;
      for (const report of content.reports) {
        if (report.sender) {
          lastReport = ((report.sender.ntpSeconds << 16) | (report.sender.ntpFraction >>> 16)) >>> 0;
          lastReportMs = nowMs;
          lastReportOf = report.ssrc;
        }
        for (const one of report.blocks) {
          if (one.ssrc !== options.ssrc()) continue;
          remoteLost = Math.max(0, one.cumulativeLost);
          remoteJitter = one.jitter;
          if (one.lastReport === 0 || ntpOffsetMs === 0) continue;
          const trip = (middle(nowMs + ntpOffsetMs) - one.lastReport - one.delaySinceLastReport) | 0;
          // More than a minute, or less than nothing, is somebody's wrong clock.
          if (trip >= -66 && trip < 60 * 65_536) roundTripMs = Math.max(0, trip / 65.536);
        }
      }
      return true;
    },
    roundTripMs: () => roundTripMs,
    remoteLost: () => remoteLost,
    remoteJitter: () => remoteJitter,
  };
}

function ntp(ms: number): { ntpSeconds: number; ntpFraction: number } {
  const seconds = Math.floor(ms / 1_000);
  return {
    ntpSeconds: (seconds + NTP_EPOCH_SECONDS) % 2 ** 32,
    ntpFraction: Math.min(0xffff_ffff, Math.floor(((ms - seconds * 1_000) / 1_000) * 2 ** 32)),
  };
}
