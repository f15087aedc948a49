/** Turns mono samples of one rate into those of another, piece by piece. */
export interface Resampler {
  push(samples: Int16Array): Int16Array;
  /** What is left when no more samples come. */
  end(): Int16Array;
}

/** Of the lower of the two rates' half: kept up to here, gone from the half itself on. For 8 kHz, 3.4 and 4 kHz. */
const PASSBAND = 0.85;
const ATTENUATION_DB = 80;

/**
 * A polyphase low-pass of windowed sinc (Kaiser), for whole rates in hertz. Its delay is taken out: the output begins with the
 * input and is as long.
 */
export function createResampler(fromRate: number, toRate: number): Resampler {
  if (fromRate === toRate) return { push: (samples) => samples, end: () => new Int16Array(0) };
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const phases = toRate / divisor;
  const step = fromRate / divisor;
  const { taps, half, coefficients } = filterFor(fromRate, toRate, phases);

  // The input that is still needed, with the zeros before its beginning that the first outputs look back on.
  let buffer = new Float32Array(half);
  let bufferStart = -half;
  let received = 0;
  let produced = 0;

  /** Every output whose whole window has come. */
  const produce = (input: Float32Array, total: number): Int16Array => {
    const available = bufferStart + input.length;
    const output = new Int16Array(Math.max(0, Math.min(total, Math.ceil(((available - half) * phases) / step) + 1) - produced));
    let count = 0;
    for (; count < output.length; count++) {
      const position = produced * step;
      const centre = Math.floor(position / phases);
      if (centre + half >= available) break;
      const row = (position % phases) * taps;
      const from = centre - half + 1 - bufferStart;
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += (coefficients[row + tap] ?? 0) * (input[from + tap] ?? 0);
      output[count] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
      produced++;
    }
    const keepFrom = Math.max(0, Math.floor((produced * step) / phases) - half + 1 - bufferStart);
    buffer = input.slice(keepFrom);
    bufferStart += keepFrom;
    return output.subarray(0, count);
  };

  const appended = (samples: Int16Array | Float32Array): Float32Array => {
    const input = new Float32Array(buffer.length + samples.length);
    input.set(buffer);
    input.set(samples, buffer.length);
    return input;
  };

  return {
    push(samples) {
      received += samples.length;
      return produce(appended(samples), Number.MAX_SAFE_INTEGER);
    },
    end: () => produce(appended(new Float32Array(half + 1)), Math.ceil((received * phases) / step)),
  };
}

interface Filter {
  taps: number;
  half: number;
  coefficients: Float32Array;
}

/** Few pairs of rates are ever met, and each takes milliseconds to design. */
const filters = new Map<string, Filter>();

function filterFor(fromRate: number, toRate: number, phases: number): Filter {
  const pair = `${fromRate}:${toRate}`;
  const filter = filters.get(pair) ?? designFilter(fromRate, toRate, phases);
  filters.set(pair, filter);
  return filter;
}

/** For each phase, the `taps` weights of the input around an output that lies so far after an input sample. */
function designFilter(fromRate: number, toRate: number, phases: number): Filter {
  const lower = Math.min(fromRate, toRate) / 2;
  const transition = ((1 - PASSBAND) * lower) / fromRate;
  const cutoff = ((1 + PASSBAND) / 2) * (lower / fromRate);
  // Kaiser's formulas for length and shape.
  const half = Math.ceil((ATTENUATION_DB - 7.95) / (14.36 * transition) / 2);
  const beta = 0.1102 * (ATTENUATION_DB - 8.7);
  const taps = 2 * half;
  const coefficients = new Float32Array(phases * taps);
  for (let phase = 0; phase < phases; phase++) {
    const weights = Array.from({ length: taps }, (_, tap) => {
      const distance = tap - half + 1 - phase / phases;
      const angle = 2 * Math.PI * cutoff * distance;
      const sinc = angle === 0 ? 1 : Math.sin(angle) / angle;
      return sinc * bessel(beta * Math.sqrt(Math.max(0, 1 - (distance / half) ** 2)));
    });
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (const [tap, weight] of weights.entries()) coefficients[phase * taps + tap] = weight / sum;
  }
  return { taps, half, coefficients };
}

/** The modified Bessel function of the first kind and order 0. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));
