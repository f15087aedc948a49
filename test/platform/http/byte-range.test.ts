import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type ByteRange, parseByteRange } from "../../../src/platform/http/byte-range.ts";

const part = (from: number, to: number): ByteRange => ({ kind: "part", from, to });
const WHOLE: ByteRange = { kind: "whole" };
const UNSATISFIABLE: ByteRange = { kind: "unsatisfiable" };

describe("a Range of 1,000 bytes (RFC 9110 14.1.2, 14.2)", () => {
  for (const [header, expected] of [
    [undefined, WHOLE],
    ["", WHOLE],
    ["bytes=0-0", part(0, 0)],
    ["bytes=0-499", part(0, 499)],
    ["bytes=500-", part(500, 999)],
    ["bytes=999-", part(999, 999)],
    ["BYTES=1-2", part(1, 2)],
    ["bytes= 1-2 ", part(1, 2)],
    ["bytes=990-5000", part(990, 999)],
    ["bytes=0-9999999999999999", part(0, 999)],
    ["bytes=-1", part(999, 999)],
    ["bytes=-500", part(500, 999)],
    ["bytes=-5000", part(0, 999)],
    ["bytes=1000-", UNSATISFIABLE],
    ["bytes=1000-2000", UNSATISFIABLE],
    ["bytes=-0", UNSATISFIABLE],
    ["bytes=5-4", WHOLE],
    ["bytes=-", WHOLE],
    ["bytes=a-b", WHOLE],
    ["bytes=1-2,5-6", WHOLE],
    ["bytes=0x1-2", WHOLE],
    ["bytes=1.5-2", WHOLE],
    ["bytes 1-2", WHOLE],
    ["seconds=1-2", WHOLE],
    ["bytes=99999999999999999999-", WHOLE],
  ] as const) {
    test(`${header} is ${JSON.stringify(expected)}`, () => assert.deepEqual(parseByteRange(header, 1_000), expected));
  }

  test("nothing of an empty file can be had", () => {
    for (const header of ["bytes=0-", "bytes=-1", "bytes=0-0"]) assert.deepEqual(parseByteRange(header, 0), UNSATISFIABLE);
  });

  test("whatever is sent, a part is within the file", () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.nat(), fc.nat()).map(([from, to]) => `bytes=${from}-${to}`),
      fc.nat().map((last) => `bytes=-${last}`),
    );
    fc.assert(
      fc.property(text, fc.nat(100_000), (header, size) => {
        const range = parseByteRange(header, size);
        if (range.kind === "part") assert.ok(range.from >= 0 && range.from <= range.to && range.to < size);
      }),
    );
  });
});
