/** How a sound that was heard compares with the one that was wanted. Correlations are normalised, -1 to 1. */
export interface Comparison {
  /** Of the whole. */
  correlation: number;
  /** Of the tenth and of the half of a second that are least alike, among those in which something is to be heard. */
  worstTenth: number;
  worstHalf: number;
  /** Longest time in which something is to be heard and nothing is. */
  longestGapMs: number;
  /** By how much its place changes at once, at most: so much is left out or put in there. 0 when it was compared in one place. */
  leapMs: number;
  /** All such changes together, and what they come to from the beginning to the end. */
  movedMs: number;
  driftMs: number;
}

const PER_MS = 8;
/** For loudness, and for gaps. */
const WINDOW = 5 * PER_MS;
const FRAME = 10 * PER_MS;
const PIECE = 200 * PER_MS;
/** Most by which a jitter buffer moves at once. */
const REACH = 200 * PER_MS;
/** Mean power from which on something is to be heard. */
const SOUNDS = 100 ** 2;

/** As one whole, in the one place where it is found: nothing may have moved against anything else. */
export function compareInPlace(wanted: Int16Array, heard: Int16Array): Comparison {
  const at = placeOf(wanted, heard);
  const there = Int16Array.from(wanted, (_sample, index) => heard[index + at] ?? 0);
  return { ...likeness(wanted, there), leapMs: 0, movedMs: 0, driftMs: 0 };
}

/**
 * Behind a jitter buffer, which moves what comes by whole frames: every 10 ms are compared in the place to which they have moved.
 * Which places there are is found by pieces, each searched for around the place of the one before it; when it moves from one to
 * another is what leaves the least difference, where every move costs as much as 40 ms of sound that is missing.
 */
export function compareMoved(wanted: Int16Array, heard: Int16Array): Comparison {
  const delays = pathOf(wanted, heard, placesOf(wanted, heard));
  const there = Int16Array.from(wanted, (_sample, index) => heard[index + (delays[Math.floor(index / FRAME)] ?? 0)] ?? 0);
  const leaps = delays.slice(1).map((delay, index) => Math.abs(delay - (delays[index] ?? 0)) / PER_MS);
  return {
    ...likeness(wanted, there),
    leapMs: Math.max(0, ...leaps),
    movedMs: leaps.reduce((sum, leap) => sum + leap, 0),
    driftMs: ((delays.at(-1) ?? 0) - (delays[0] ?? 0)) / PER_MS,
  };
}

function likeness(wanted: Int16Array, there: Int16Array) {
  const worst = (length: number) => {
    let least = 1;
    for (let start = 0; start + length <= wanted.length; start += length) {
      if (power(wanted, start, length) < SOUNDS) continue;
      least = Math.min(least, correlationAt(wanted.subarray(start, start + length), there, start));
    }
    return least;
  };
  return {
    correlation: correlationAt(wanted, there, 0),
    worstTenth: worst(100 * PER_MS),
    worstHalf: worst(500 * PER_MS),
    longestGapMs: longestGapMs(wanted, there),
  };
}

function longestGapMs(wanted: Int16Array, there: Int16Array): number {
  let [run, longest] = [0, 0];
  for (let start = 0; start + WINDOW <= wanted.length; start += WINDOW) {
    const level = power(wanted, start, WINDOW);
    run = level > SOUNDS && power(there, start, WINDOW) < level / 400 ? run + WINDOW / PER_MS : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

/** Where the whole is found, in samples: by its loudness first, then sample by sample. */
function placeOf(wanted: Int16Array, heard: Int16Array): number {
  const [levels, heardLevels] = [loudness(wanted), loudness(heard)];
  const rough = bestPlace(levels, heardLevels, -Math.floor(levels.length / 4), heardLevels.length).at * WINDOW;
  return bestPlace(wanted, heard, rough - 2 * WINDOW, rough + 2 * WINDOW).at;
}

/** The delays at which pieces of it are found. */
function placesOf(wanted: Int16Array, heard: Int16Array): number[] {
  let delay = placeOf(wanted, heard);
  const delays = new Set([delay]);
  for (let start = 0; start + PIECE <= wanted.length; start += PIECE) {
    if (power(wanted, start, PIECE) < SOUNDS) continue;
    const piece = wanted.subarray(start, start + PIECE);
    const { at, correlation } = bestPlace(piece, heard, start + delay - REACH, start + delay + REACH);
    // One in whose midst it moves has no place of its own.
    if (correlation < 0.7) continue;
    delay = at - start;
    delays.add(delay);
  }
  return [...delays];
}

/** The delay of every frame, of those given, that leaves the least difference (Viterbi). */
function pathOf(wanted: Int16Array, heard: Int16Array, delays: readonly number[]): number[] {
  const frames = Math.ceil(wanted.length / FRAME);
  const move = power(wanted, 0, wanted.length) * 40 * PER_MS;
  const cameFrom: number[][] = [];
  let costs = delays.map(() => 0);
  for (let frame = 0; frame < frames; frame++) {
    const cheapest = costs.indexOf(Math.min(...costs));
    const least = (costs[cheapest] ?? 0) + move;
    cameFrom.push(costs.map((cost, index) => (cost <= least ? index : cheapest)));
    costs = costs.map((cost, index) => Math.min(cost, least) + difference(wanted, heard, frame * FRAME, delays[index] ?? 0));
  }
  let index = costs.indexOf(Math.min(...costs));
  const path: number[] = [];
  for (const came of cameFrom.reverse()) {
    path.push(delays[index] ?? 0);
    index = came[index] ?? 0;
  }
  return path.reverse();
}

function difference(wanted: Int16Array, heard: Int16Array, start: number, delay: number): number {
  let sum = 0;
  for (let index = start; index < Math.min(start + FRAME, wanted.length); index++)
    sum += ((wanted[index] ?? 0) - (heard[index + delay] ?? 0)) ** 2;
  return sum;
}

type Samples = Int16Array | Float64Array;

/** The level of each window. */
const loudness = (samples: Int16Array): Float64Array =>
  Float64Array.from({ length: Math.floor(samples.length / WINDOW) }, (_level, index) => Math.sqrt(power(samples, index * WINDOW, WINDOW)));

function bestPlace(wanted: Samples, heard: Samples, from: number, to: number): { at: number; correlation: number } {
  let best = { at: from, correlation: -1 };
  for (let at = from; at <= to; at++) {
    const correlation = correlationAt(wanted, heard, at);
    if (correlation > best.correlation) best = { at, correlation };
  }
  return best;
}

function correlationAt(wanted: Samples, heard: Samples, at: number): number {
  let [product, wantedPower, heardPower] = [0, 0, 0];
  for (let index = 0; index < wanted.length; index++) {
    const a = wanted[index] ?? 0;
    const b = heard[index + at] ?? 0;
    product += a * b;
    wantedPower += a * a;
    heardPower += b * b;
  }
  return wantedPower === 0 || heardPower === 0 ? 0 : product / Math.sqrt(wantedPower * heardPower);
}

function power(samples: Samples, start: number, length: number): number {
  let sum = 0;
  for (let index = start; index < start + length; index++) sum += (samples[index] ?? 0) ** 2;
  return sum / length;
}
