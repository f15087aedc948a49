import assert from "node:assert/strict";
import { test } from "node:test";
import { createConcealment, STEP } from "../../../../src/carriers/sip/media/createConcealment.ts";
import { correlation, speech } from "./support.ts";

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

test("whatever the length of the loss, what comes after it begins without a click", () => {
  const voice = speech(3);
  for (const lostMs of [10, 20, 60, 70, 80, 100, 200]) {
    for (let from = 2_000; from < 20_000; from += 1_200) {
      const concealment = createConcealment();
      const out = voice.slice();
      const [begin, end] = [from, from + lostMs * 8];
      for (let at = 0; at < begin; at += STEP) concealment.good(out, at);
      for (let at = begin; at < end; at += STEP) concealment.lost(out, at);
      concealment.good(out, end);
      const step = Math.abs((out[end] ?? 0) - (out[end - 1] ?? 0));
      assert.ok(step < 1_500, `${step} after ${lostMs} ms at ${from}`);
    }
  }
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
