/**
 * How late packets come, compared with the quickest of the last seconds, and the delay that catches 98 % of them. All in
 * samples. The quickest transit is looked for over two windows, so that the clocks of both sides may drift apart.
 */
export interface Lateness {
  /** `transit`: arrival minus timestamp. Gives how late this packet is. */
  measure(transit: number, arrival: number): number;
  /** Begins anew with this transit; what is known of the network's jitter stays. */
  restart(transit: number, arrival: number): void;
  /** Transit of the quickest packet. */
  base(): number;
  /** Delay to aim at. */
  target(): number;
}

export const MIN_TARGET = 40 * 8;
export const MAX_TARGET = 200 * 8;
const FIRST_TARGET = 60 * 8;
const BIN = 5 * 8;
const BINS = MAX_TARGET / BIN;
const WINDOW = 4_000 * 8;
/** Of timers and of the tick. */
const MARGIN = 10 * 8;
const CAUGHT = 0.98;
/** One packet in so many counts: the last five seconds. */
const MEMORY = 250;
/** Until so many have been seen, the first target is the least. */
const ENOUGH = 100;

export function createLateness(): Lateness {
  const share = new Float64Array(BINS);
  let seen = 0;
  let target = FIRST_TARGET;
  let current = 0;
  let previous = 0;
  let windowEnd = 0;

  const aim = () => {
    let sum = 0;
    let bin = 0;
    while (bin < BINS - 1) {
      sum += share[bin] ?? 0;
      if (sum >= CAUGHT) break;
      bin++;
    }
    const wanted = Math.min(MAX_TARGET, Math.max(MIN_TARGET, (bin + 1) * BIN + MARGIN));
    target = seen < ENOUGH ? Math.max(FIRST_TARGET, wanted) : wanted;
  };

  return {
    measure(transit, arrival) {
      if (arrival >= windowEnd) {
        previous = current;
        current = transit;
        windowEnd = arrival + WINDOW;
      }
      current = Math.min(current, transit);
      const late = transit - Math.min(current, previous);
      // What no delay of ours would have caught says nothing about which one to choose.
      if (late > MAX_TARGET) return late;
      seen++;
      const weight = 1 / Math.min(seen, MEMORY);
      for (let bin = 0; bin < BINS; bin++) share[bin] = (share[bin] ?? 0) * (1 - weight);
      const bin = Math.min(BINS - 1, Math.floor(late / BIN));
      share[bin] = (share[bin] ?? 0) + weight;
      aim();
      return late;
    },
    restart(transit, arrival) {
      current = previous = transit;
      windowEnd = arrival + WINDOW;
    },
    base: () => Math.min(current, previous),
    target: () => target,
  };
}
