import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { speech } from "../carriers/sip/media/support.ts";
import { companding } from "./support/companding.ts";
import { compareInPlace, compareMoved } from "./support/compare-sound.ts";
import { BUFFERED, CONCEALED, lacking, UNTOUCHED } from "./support/lacking.ts";
import { pausesIn } from "./support/pauses-in.ts";

/** What the tests of sound let pass and what not: faults of a known kind. */
const sound = speech(4);
const half = sound.length / 2;
const silence = (ms: number) => new Int16Array(8 * ms);
const joined = (...parts: Int16Array[]) => Int16Array.from(parts.flatMap((part) => [...part]));
/** As it is recorded: something before, something behind. */
const recorded = (...parts: Int16Array[]) => joined(silence(250), ...parts, silence(500));
const { encode, decode } = companding("PCMA");

const FAULTS: Readonly<Record<string, Int16Array>> = {
  "60 ms are cut out": recorded(sound.subarray(0, half), sound.subarray(half + 480)),
  "60 ms are cut out shortly before the end": recorded(sound.subarray(0, -2_000), sound.subarray(-1_520)),
  "60 ms come twice": recorded(sound.subarray(0, half), sound.subarray(half - 480)),
  "a pause of 60 ms is put in": recorded(sound.subarray(0, half), silence(60), sound.subarray(half)),
  "40 ms of each 200 are mute": recorded(sound.map((sample, index) => (index % 1_600 < 320 ? 0 : sample))),
  "40 ms of each second are cut out": recorded(...[0, 8_000, 16_000, 24_000].map((start) => sound.subarray(start, start + 7_680))),
  "the last half second is missing": recorded(sound.subarray(0, -4_000)),
  "two half seconds have changed places": recorded(
    sound.subarray(0, 8_000),
    sound.subarray(12_000, 16_000),
    sound.subarray(8_000, 12_000),
    sound.subarray(16_000),
  ),
  "it is played backwards": recorded(sound.toReversed()),
  "nothing is heard": silence(5_000),
};

describe("the tests of sound", () => {
  test("take what is as it was said, through G.711", () => {
    const heard = recorded(sound.map((sample) => decode(encode(sample))));
    assert.equal(lacking(compareInPlace(sound, heard), UNTOUCHED), undefined);
    for (const limits of [UNTOUCHED, BUFFERED, CONCEALED]) assert.equal(lacking(compareMoved(sound, heard), limits), undefined);
  });

  test("take a frame that is put in or left out for what it is: behind a jitter buffer only", () => {
    for (const heard of [
      recorded(sound.subarray(0, half), sound.subarray(half - 160)),
      recorded(sound.subarray(0, half), sound.subarray(half + 160)),
    ]) {
      assert.ok(lacking(compareInPlace(sound, heard), UNTOUCHED));
      assert.equal(compareMoved(sound, heard).leapMs, 20);
      assert.equal(lacking(compareMoved(sound, heard), BUFFERED), undefined);
    }
  });

  for (const [name, heard] of Object.entries(FAULTS))
    test(`refuse it when ${name}`, () => {
      assert.ok(lacking(compareInPlace(sound, heard), UNTOUCHED));
      const moved = compareMoved(sound, heard);
      assert.ok(lacking(moved, BUFFERED), JSON.stringify(moved));
      assert.ok(lacking(moved, CONCEALED), JSON.stringify(moved));
      assert.notEqual(pausesIn(sound, heard), 0);
    });

  test("count the zeros that are put in between samples, and refuse anything else", () => {
    assert.equal(pausesIn(sound, recorded(sound)), 0);
    assert.equal(pausesIn(sound, recorded(sound.subarray(0, half), silence(40), sound.subarray(half))), 320);
    const oneOff = sound.with(half, (sound[half] ?? 0) + 1);
    const oneLess = joined(sound.subarray(0, half), sound.subarray(half + 1));
    const oneTwice = joined(sound.subarray(0, half), sound.subarray(half - 1));
    for (const wrong of [oneOff, oneLess, oneTwice]) assert.equal(pausesIn(sound, recorded(wrong)), undefined);
  });
});
