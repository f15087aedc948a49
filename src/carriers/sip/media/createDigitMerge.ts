/**
 * The same press may come as an RFC 4733 event and as SIP INFO; it is told once, whichever comes first. Those that come
 * faster than anybody dials are not told: each costs every call of the process more than its packet did.
 */
export interface DigitMerge {
  digit(digit: string, way: Way, nowMs: number): void;
}

export type Way = "rtp" | "info";

/** INFO may be repeated for a while over UDP before it arrives. */
const TOGETHER_MS = 2_000;
/** In that time: twenty a second, three times as fast as we press them. */
const MOST_TOGETHER = 40;

export function createDigitMerge(tell: (digit: string) => void): DigitMerge {
  let single: Array<{ digit: string; way: Way; atMs: number }> = [];
  return {
    digit(digit, way, nowMs) {
      single = single.filter((one) => nowMs - one.atMs <= TOGETHER_MS);
      const twin = single.findIndex((one) => one.digit === digit && one.way !== way);
      if (twin >= 0) {
        single.splice(twin, 1);
        return;
      }
      if (single.length >= MOST_TOGETHER) return;
      single.push({ digit, way, atMs: nowMs });
      tell(digit);
    },
  };
}
