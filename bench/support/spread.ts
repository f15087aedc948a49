export interface Spread {
  p50: number;
  p99: number;
  p999: number;
  max: number;
}

export function spread(values: ArrayLike<number>, digits = 2): Spread {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN, digits);
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) };
}

export const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
