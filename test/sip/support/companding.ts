/** G.711 as the tests read and write it, so that what our own tables get wrong is seen. */
export interface Companding {
  /** What a code stands for, on a scale of 16 bits. */
  decode(code: number): number;
  encode(sample: number): number;
  /** Whether that is what a sample may have become. */
  isFrom(decoded: number, sample: number): boolean;
}

export type Law = "PCMA" | "PCMU";

interface Interval {
  middle: number;
  /** So far from the middle are the values that share it with others. */
  half: number;
}

/** The interval that each code stands for (G.711 tables 1 and 2). */
const INTERVAL: Readonly<Record<Law, (code: number) => Interval>> = {
  PCMA(code) {
    const { sign, segment, step } = parts(code ^ 0x55);
    const unit = segment === 0 ? 8 : 8 * 2 ** (segment - 1);
    return { middle: -sign * unit * (2 * step + (segment === 0 ? 1 : 33)), half: unit };
  },
  PCMU(code) {
    const { sign, segment, step } = parts(code ^ 0xff);
    const unit = 4 * 2 ** segment;
    return { middle: sign * (unit * (2 * step + 33) - 132) + 0, half: unit };
  },
};

const parts = (bits: number) => ({ sign: bits >= 128 ? -1 : 1, segment: Math.floor(bits / 16) % 8, step: bits % 16 });

export function companding(law: Law): Companding {
  const intervals = Array.from({ length: 256 }, (_, code) => INTERVAL[law](code));
  const halves = new Map(intervals.map(({ middle, half }) => [middle, half]));
  const most = Math.max(...halves.keys());
  /** 1 at the edges of an interval. */
  const distance = (sample: number, { middle, half }: Interval) => Math.abs(Math.max(-most, Math.min(most, sample)) - middle) / half;
  return {
    decode: (code) => intervals[code]?.middle ?? 0,
    encode(sample) {
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (const [code, interval] of intervals.entries()) {
        const far = distance(sample, interval);
        if (far >= least) continue;
        least = far;
        best = code;
      }
      return best;
    },
    isFrom(decoded, sample) {
      const half = halves.get(decoded);
      return half !== undefined && distance(sample, { middle: decoded, half }) <= 1;
    },
  };
}
