/**
 * Packet loss concealment in the manner of ITU-T G.711 Appendix I, in steps of 10 ms: the last pitch period is repeated, after
 * 10 and 20 ms the last two and three, joined by overlap-add; it fades from 10 ms on and is silent after 60 ms. Unlike the
 * appendix it adds no delay: the first joint is not smoothed, the one with what comes next is.
 */
export interface Concealment {
  /** Takes 10 ms that came; smooths its beginning when something was concealed before. */
  good(samples: Int16Array, at: number): void;
  /** Fills in 10 ms. False once all is silence. */
  lost(samples: Int16Array, at: number): boolean;
}

/** Samples of 10 ms. */
export const STEP = 80;
const HISTORY = 390;
const MIN_PITCH = 40;
const MAX_PITCH = 120;
const MATCH = 160;
const STEPS_UNTIL_SILENT = 6;

export function createConcealment(): Concealment {
  const history = new Int16Array(HISTORY);
  /** The history when the loss began. */
  const source = new Int16Array(HISTORY);
  let steps = 0;
  let pitch = MAX_PITCH;
  let overlap = 30;
  let periods = 1;
  let position = 0;

  /** The endless repetition of the last `count` periods, its end blended into its beginning. */
  const repeated = (count: number, index: number): number => {
    const length = count * pitch;
    const offset = index % length;
    const from = HISTORY - length + offset;
    const sample = source[from] ?? 0;
    const tail = offset - (length - overlap);
    if (tail < 0) return sample;
    const weight = (tail + 1) / (overlap + 1);
    return sample * (1 - weight) + (source[from - length] ?? 0) * weight;
  };

  const gain = (step: number, index: number) => (step === 0 ? 1 : Math.max(0, 1 - 0.2 * (step - 1 + index / STEP)));

  const remember = (samples: Int16Array, at: number) => {
    history.copyWithin(0, STEP);
    for (let index = 0; index < STEP; index++) history[HISTORY - STEP + index] = samples[at + index] ?? 0;
  };

  return {
    good(samples, at) {
      if (steps > 0) {
        const length = Math.min(STEP, overlap + 32 * (steps - 1));
        for (let index = 0; index < length; index++) {
          const weight = (index + 1) / (length + 1);
          const guess = repeated(periods, position + index) * gain(steps, index);
          samples[at + index] = guess * (1 - weight) + (samples[at + index] ?? 0) * weight;
        }
        steps = 0;
      }
      remember(samples, at);
    },

    lost(samples, at) {
      if (steps >= STEPS_UNTIL_SILENT) {
        samples.fill(0, at, at + STEP);
        remember(samples, at);
        return false;
      }
      let before = 0;
      let blend = 0;
      let old = 0;
      if (steps === 0) {
        source.set(history);
        pitch = findPitch(source);
        overlap = pitch >> 2;
        periods = 1;
        position = 0;
      } else if (steps < 3) {
        // More periods make it sound less like a buzz; it goes on at the same phase of the pitch.
        old = periods;
        before = position;
        periods++;
        position %= pitch;
        blend = overlap;
      }
      for (let index = 0; index < STEP; index++) {
        let sample = repeated(periods, position + index);
        if (index < blend) {
          const weight = (index + 1) / (blend + 1);
          sample = repeated(old, before + index) * (1 - weight) + sample * weight;
        }
        samples[at + index] = sample * gain(steps, index);
      }
      position += STEP;
      steps++;
      remember(samples, at);
      return true;
    },
  };
}

/** The lag of 5 to 15 ms at which the last 20 ms look most like what was before: first coarsely, then exactly. */
function findPitch(source: Int16Array): number {
  let best = MAX_PITCH;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let lag = MIN_PITCH; lag <= MAX_PITCH; lag += 2) {
    const score = likeness(source, lag, 2);
    if (score > bestScore) {
      bestScore = score;
      best = lag;
    }
  }
  const coarse = best;
  bestScore = Number.NEGATIVE_INFINITY;
  for (let lag = Math.max(MIN_PITCH, coarse - 1); lag <= Math.min(MAX_PITCH, coarse + 1); lag++) {
    const score = likeness(source, lag, 1);
    if (score > bestScore) {
      bestScore = score;
      best = lag;
    }
  }
  return best;
}

function likeness(source: Int16Array, lag: number, step: number): number {
  let correlation = 0;
  let energy = 1;
  for (let index = HISTORY - MATCH; index < HISTORY; index += step) {
    const past = source[index - lag] ?? 0;
    correlation += (source[index] ?? 0) * past;
    energy += past * past;
  }
  return correlation / Math.sqrt(energy);
}
