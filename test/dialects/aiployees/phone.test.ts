import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PHONE_PART_PATTERN, PHONE_PATTERN } from "../../../src/dialects/aiployees/phone.ts";

/** Microseconds of CPU that the pattern takes to refuse the text. */
function cpuOf(pattern: string, text: string): number {
  const expression = new RegExp(pattern, "u");
  const before = process.cpuUsage();
  assert.equal(expression.test(text), false);
  return process.cpuUsage(before).user;
}

describe("the patterns of phone numbers take time in proportion to the text, however it is built", () => {
  for (const [name, pattern] of Object.entries({ PHONE_PATTERN, PHONE_PART_PATTERN })) {
    for (const [begin, repeated] of [
      ["", "("],
      ["+", "("],
      ["+1", "("],
      ["", "1("],
      ["+", "1("],
    ] as const) {
      test(`${name}: ${begin}${repeated}${repeated}...x`, () => {
        // What takes the square of the text's length takes ten seconds here, else it is milliseconds.
        const micros = cpuOf(pattern, `${begin}${repeated.repeat(100_000)}x`);
        assert.ok(micros < 3_000_000, `${micros} us`);
      });
    }
  }
});
