import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createVoiceDetector } from "../../../src/voice/telephone/createVoiceDetector.ts";

const FRAMES_PER_SECOND = 50;

/** A frame of noise of so many dB of full scale; seeded, so every run hears the same. */
function createNoise() {
  let state = 12_345;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  // Evenly spread values have an RMS of 1/sqrt(12) of their width.
  return (decibels: number) =>
    Int16Array.from({ length: 160 }, () => Math.round(random() * Math.sqrt(12) * 32_768 * 10 ** (decibels / 20)));
}

/** Speech of a person: syllables of 200 ms, 15 dB louder than the 60 ms between them. */
const syllables = (frame: number, decibels: number): number => (frame % 13 < 10 ? decibels : decibels - 15 - 10);

function listen(
  seconds: number,
  levelAt: (frame: number) => number,
  options = { startMs: 200, stopMs: 500 },
): { changes: Array<[number, boolean]>; spoke: boolean } {
  const noise = createNoise();
  const detector = createVoiceDetector(options);
  const changes: Array<[number, boolean]> = [];
  for (let frame = 0; frame < seconds * FRAMES_PER_SECOND; frame++) {
    const before = detector.speaking;
    const level = levelAt(frame);
    detector.push(level === Number.NEGATIVE_INFINITY ? new Int16Array(160) : noise(level));
    if (detector.speaking !== before) changes.push([frame * 20, detector.speaking]);
  }
  return { changes, spoke: changes.length > 0 };
}

const between = (value: number | undefined, least: number, most: number) =>
  assert.ok(value !== undefined && value >= least && value <= most, `${value} is not between ${least} and ${most}`);

describe("the voice detector", () => {
  test("silence and steady noise of a line are nobody", () => {
    assert.equal(listen(20, () => Number.NEGATIVE_INFINITY).spoke, false);
    assert.equal(listen(20, () => -60).spoke, false);
    assert.equal(listen(20, () => -50).spoke, false);
  });

  test("loud noise that never pauses is known as such within four seconds", () => {
    const { changes } = listen(30, () => -35);
    assert.equal(changes.length, 2);
    between(changes[1]?.[0], 0, 4_500);
  });

  for (const [voice, noise] of [
    [-20, Number.NEGATIVE_INFINITY],
    [-20, -55],
    [-35, -60],
    [-20, -42],
  ] as const) {
    test(`speech at ${voice} dB over noise at ${noise} dB: from its beginning to its end`, () => {
      const { changes } = listen(16, (frame) => (frame >= 250 && frame < 500 ? Math.max(noise, syllables(frame, voice)) : noise));
      // What the noise itself caused in the first seconds is over.
      const [began, ended] = changes.slice(-2);
      assert.deepEqual([began?.[1], ended?.[1]], [true, false]);
      between(began?.[0], 5_100, 5_500);
      between(ended?.[0], 10_300, 10_800);
    });
  }

  test("clicks and a short cough are nobody", () => {
    assert.equal(listen(10, (frame) => (frame % 50 === 0 ? -10 : -60)).spoke, false);
    assert.equal(listen(10, (frame) => (frame >= 100 && frame < 105 ? -15 : -60)).spoke, false);
  });

  test("a pause within a sentence is no end; stopMs says how long one is", () => {
    const speech = (frame: number) => (frame < 100 || (frame >= 120 && frame < 220) ? syllables(frame, -20) : -60);
    assert.equal(listen(8, speech, { startMs: 200, stopMs: 500 }).changes.length, 2);
    assert.equal(listen(8, speech, { startMs: 200, stopMs: 300 }).changes.length, 4);
  });

  test("startMs says for how long somebody must be heard", () => {
    const speech = (frame: number) => (frame >= 100 && frame < 200 ? -20 : -60);
    between(listen(8, speech, { startMs: 100, stopMs: 500 }).changes[0]?.[0], 2_060, 2_120);
    between(listen(8, speech, { startMs: 1_000, stopMs: 500 }).changes[0]?.[0], 2_960, 3_020);
  });
});
