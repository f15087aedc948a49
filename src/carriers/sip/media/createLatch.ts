/**
 * Where the other side really sends from, which may not be what its SDP says (NAT; symmetric RTP, RFC 4961). What was agreed
 * holds while packets come from there. Another address takes over only when nothing has come from the present one since the
 * negotiation, or not for a second; and only with packets that look right. Once moved, it moves again only with the same
 * flow: the same source, whose sequence goes on; or back to what was agreed, which nobody can take away. Everything else is
 * somebody else's.
 */
export interface Latch {
  agreed(remote: { address: string; port: number } | null): void;
  /** Whether a packet that is well-formed comes from the other side. `proven`: authenticated by SRTP. */
  accepts(packet: { ssrc: number; sequence: number }, address: string, port: number, nowMs: number, proven: boolean): boolean;
  /** Where we send to. */
  target(): { readonly address: string; readonly port: number } | null;
}

const SILENT_MS = 1_000;
/** Packets in sequence that a stranger must show. */
const SHOWN = 3;
const MAX_JUMP = 3_000;

export function createLatch(): Latch {
  let agreed: { address: string; port: number } | null = null;
  let target: { address: string; port: number } | null = null;
  let heardMs: number | undefined;
  let moved = false;
  let lastSsrc = -1;
  let lastSequence = 0;
  const candidate = { address: "", port: 0, ssrc: 0, sequence: 0, count: 0 };

  return {
    agreed(remote) {
      const same = remote?.address === agreed?.address && remote?.port === agreed?.port;
      agreed = remote;
      if (same) return;
      target = remote;
      heardMs = undefined;
      moved = false;
      candidate.count = 0;
    },
    accepts({ ssrc, sequence }, address, port, nowMs, proven) {
      if (!target) return false;
      const home = address === agreed?.address && port === agreed.port;
      if (home && target !== agreed) target = agreed;
      else if (address !== target.address || port !== target.port) {
        const learning = heardMs === undefined;
        if (heardMs !== undefined && nowMs - heardMs < SILENT_MS) return false;
        const jump = (sequence - lastSequence) & 0xffff;
        if (moved && !proven && (ssrc !== lastSsrc || jump === 0 || jump > MAX_JUMP)) return false;
        const follows =
          candidate.address === address &&
          candidate.port === port &&
          candidate.ssrc === ssrc &&
          ((candidate.sequence + 1) & 0xffff) === sequence;
        candidate.count = follows ? candidate.count + 1 : 1;
        candidate.address = address;
        candidate.port = port;
        candidate.ssrc = ssrc;
        candidate.sequence = sequence;
        const needed = proven || (learning && address === target.address) ? 1 : SHOWN;
        if (candidate.count < needed) return false;
        target = { address, port };
        moved = true;
      }
      candidate.count = 0;
      heardMs = nowMs;
      lastSsrc = ssrc;
      lastSequence = sequence;
      return true;
    },
    target: () => target,
  };
}
