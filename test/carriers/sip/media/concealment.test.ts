import assert from "node:assert/strict";
import { test } from "node:test";
import { createConcealment, STEP } from "../../../../src/carriers/sip/media/createConcealment.ts";
import { correlation } from "./support.ts";

/** A vowel of 125 Hz. */
const vowel = Int16Array.from({ length: 8_000 }, (_, index) => {
  let value = 0;
  for (let harmonic = 1; harmonic <= 6; harmonic++) value += Math.sin((2 * Math.PI * 125 * harmonic * index) / 8_000 + harmonic) / harmonic;
  return 5_000 * value;
});

/** The vowel with steps `lost` missing. */
function concealed(lost: (step: number) => boolean) {
  const concealment = createConcealment();
  const out = vowel.slice();
  for (let step = 0; step < vowel.length / STEP; step++) {
    if (lost(step)) {
      out.fill(0, step * STEP, (step + 1) * STEP);
      concealment.lost(out, step * STEP);
    } else concealment.good(out, step * STEP);
  }
  return out;
}

test("20 ms of a vowel are filled in as if nothing had been lost (G.711 Appendix I)", () => {
  const out = concealed((step) => step === 40 || step === 41);
  const gap = vowel.subarray(40 * STEP, 42 * STEP);
  assert.ok(correlation(gap, out, 40 * STEP, 40 * STEP).score > 0.98);
  const steepest = (samples: Int16Array) =>
    samples.reduce((most, sample, index) => Math.max(most, Math.abs(sample - (samples[index - 1] ?? sample))), 0);
  assert.ok(steepest(out.subarray(39 * STEP, 44 * STEP)) < 1.3 * steepest(vowel), "no click at its edges");
});

test("it fades out and is silent after 60 ms", () => {
  const out = concealed((step) => step >= 40 && step < 60);
  const loudness = Array.from({ length: 20 }, (_, step) => Math.max(...out.subarray((40 + step) * STEP, (41 + step) * STEP)));
  assert.ok((loudness[0] ?? 0) > 8_000);
  for (let step = 2; step < 6; step++) assert.ok((loudness[step] ?? 0) < (loudness[step - 1] ?? 0));
  assert.deepEqual(loudness.slice(6), Array(14).fill(0));
});

test("before anything has come it is silent, and what is whole is left as it is", () => {
  const concealment = createConcealment();
  const out = new Int16Array(STEP).fill(7);
  concealment.lost(out, 0);
  assert.ok(out.every((sample) => sample === 0));
  assert.deepEqual(
    concealed(() => false),
    vowel,
  );
});
