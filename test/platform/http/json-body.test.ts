import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MalformedBody, readJson } from "../../../src/platform/http/json-body.ts";

const read = (text: string) => readJson(Buffer.from(text));

describe("numbers of a JSON body (RFC 8259, section 6)", () => {
  for (const number of ["1e400", "-1E+309", "1.5e0400", "9".repeat(309), `${"1".repeat(250)}e99`]) {
    test(`${number.slice(0, 12)} overflows and is refused, however deep`, () => {
      assert.throws(() => read(`{"a":[{"b":${number}}]}`), MalformedBody);
    });
  }

  test("what only looks like one is kept", () => {
    assert.deepEqual(read('{"a":"1e400","1e400":1e300,"b":0.5e-400}'), { a: "1e400", "1e400": 1e300, b: 0 });
    assert.deepEqual(read(`["${"9".repeat(400)}"]`), ["9".repeat(400)]);
  });
});
