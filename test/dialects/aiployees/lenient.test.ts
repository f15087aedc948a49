import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Type } from "typebox";
import { lenient } from "../../../src/dialects/aiployees/lenient.ts";

const schema = Type.Object({
  name: Type.Optional(Type.String()),
  count: Type.Optional(Type.Integer()),
  flag: Type.Optional(Type.Boolean()),
  free: Type.Optional(Type.Unsafe<unknown>({ type: "object", additionalProperties: true })),
  items: Type.Optional(Type.Array(Type.Object({ count: Type.Integer() }))),
});

describe("what Laravel takes for the same (aiployees 1.1)", () => {
  const cases: Array<[given: unknown, taken: unknown]> = [
    [{ name: " Ana " }, { name: "Ana" }],
    [{ name: "  ", count: "", flag: null }, {}],
    [{ count: "12" }, { count: 12 }],
    [{ count: " -3 " }, { count: -3 }],
    [{ count: "1e3" }, { count: "1e3" }],
    [{ count: "12345678901234567890" }, { count: "12345678901234567890" }],
    [{ count: true }, { count: true }],
    [{ flag: 1 }, { flag: true }],
    [{ flag: "0" }, { flag: false }],
    [{ flag: "true" }, { flag: "true" }],
    [{ flag: 2 }, { flag: 2 }],
    [{ free: { name: " kept ", none: null, count: "1" } }, { free: { name: " kept ", none: null, count: "1" } }],
    [{ items: [{ count: "1" }, { count: null }, null, 5] }, { items: [{ count: 1 }, {}, null, 5] }],
    [
      { unknown: " kept ", nothing: null },
      { unknown: " kept ", nothing: null },
    ],
    [{ name: ["a"] }, { name: ["a"] }],
    [[1], [1]],
    ["", null],
    [null, null],
  ];
  for (const [given, taken] of cases) {
    test(`${JSON.stringify(given)} is ${JSON.stringify(taken)}`, () => assert.deepEqual(lenient(schema, given), taken));
  }
});
