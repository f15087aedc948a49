import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { createResampler } from "../../../src/voice/speech/createResampler.ts";
import { joined, loudnessOf, peakOf, sine } from "./support.ts";

function resample(samples: Int16Array, fromRate: number, toRate = 8_000, pieceLength = samples.length): Int16Array {
  const resampler = createResampler(fromRate, toRate);
  const pieces: Int16Array[] = [];
  for (let at = 0; at < samples.length; at += pieceLength) pieces.push(resampler.push(samples.subarray(at, at + pieceLength)));
  return joined([...pieces, resampler.end()]);
}

const decibels = (ratio: number) => 20 * Math.log10(ratio);
/** Without the edges, where a tone begins and ends. */
const middle = (samples: Int16Array) => samples.subarray(800, -800);

describe("the resampler", () => {
  for (const rate of [22_050, 24_000, 16_000, 44_100, 48_000]) {
    test(`${rate} Hz to 8 kHz keeps the telephone band, 300 to 3,400 Hz, within 0.2 dB`, () => {
      for (const hertz of [300, 1_000, 2_500, 3_400]) {
        const loss = decibels(loudnessOf(middle(resample(sine(hertz, rate, 1), rate))) / loudnessOf(sine(hertz, 8_000, 1)));
        assert.ok(Math.abs(loss) < 0.2, `${hertz} Hz changed by ${loss.toFixed(2)} dB`);
      }
    });

    test(`${rate} Hz to 8 kHz lets nothing above 4 kHz come through as an alias: 70 dB down`, () => {
      for (const hertz of [4_050, 4_500, 5_000, 6_500, 7_900].filter((one) => one < rate / 2)) {
        const left = loudnessOf(middle(resample(sine(hertz, rate, 1, 30_000), rate))) / loudnessOf(sine(hertz, rate, 1, 30_000));
        assert.ok(decibels(Math.max(left, 1e-9)) < -70, `${hertz} Hz is only ${decibels(left).toFixed(1)} dB down`);
      }
    });

    test(`${rate} Hz to 8 kHz has no delay: a tone comes out as the same tone`, () => {
      const out = middle(resample(sine(1_000, rate, 0.5), rate));
      const wanted = middle(sine(1_000, 8_000, 0.5));
      assert.equal(out.length, wanted.length);
      const difference = peakOf(out.map((sample, index) => sample - (wanted[index] ?? 0)));
      assert.ok(difference < 16_000 * 0.01, `off by ${difference}`);
    });
  }

  test("however the input is cut, the output is the same, and as long as the input", () => {
    const input = Int16Array.from({ length: 5_000 }, (_, index) => ((index * 7_919) % 20_000) - 10_000);
    const whole = resample(input, 22_050);
    assert.equal(whole.length, Math.ceil((5_000 * 8_000) / 22_050));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 700 }), (pieceLength) => {
        assert.deepEqual(resample(input, 22_050, 8_000, pieceLength), whole);
      }),
      { numRuns: 30 },
    );
  });

  test("full scale is clipped, never wrapped around", () => {
    const square = Int16Array.from({ length: 22_050 }, (_, index) => (index % 50 < 25 ? 32_767 : -32_768));
    const out = resample(square, 22_050);
    for (let index = 1; index < out.length; index++) {
      // From one extreme to the other takes a band-limited signal more than one sample of 8 kHz.
      assert.ok(Math.abs((out[index] ?? 0) - (out[index - 1] ?? 0)) < 64_000);
    }
    assert.equal(peakOf(out) >= 32_767, true);
  });

  test("silence, nothing, and one sample", () => {
    assert.equal(peakOf(resample(new Int16Array(22_050), 22_050)), 0);
    assert.equal(resample(new Int16Array(0), 22_050).length, 0);
    assert.equal(resample(Int16Array.of(1_000), 22_050).length, 1);
  });

  test("a constant stays what it is", () => {
    const out = middle(resample(new Int16Array(24_000).fill(12_345), 24_000));
    assert.ok(out.every((sample) => Math.abs(sample - 12_345) <= 1));
  });

  test("upwards too: 8 to 24 kHz has no images", () => {
    const out = resample(sine(1_000, 8_000, 1), 8_000, 24_000);
    assert.equal(out.length, 24_000);
    const wanted = sine(1_000, 24_000, 1);
    assert.ok(peakOf(middle(out.map((sample, index) => sample - (wanted[index] ?? 0)))) < 160);
  });
});
