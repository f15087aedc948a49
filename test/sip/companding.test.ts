import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { missing } from "../support/debian-packages.ts";
import { companding } from "./support/companding.ts";

const codes = Array.from({ length: 256 }, (_, code) => code);

for (const [law, type] of [
  ["PCMA", "al"],
  ["PCMU", "ul"],
] as const) {
  const { decode, encode, isFrom } = companding(law);
  const samples = Array.from({ length: 1_200 }, (_, index) => -32_768 + 1 + 54 * index).concat([0, 1, -1, 511, 513, 32_767, -32_768]);

  test(`${law}: the tests read every code as another program does`, { skip: missing("soxi") }, () => {
    const raw = execFileSync("sox", ["-t", type, "-r", "8000", "-c", "1", "-", "-t", "s16", "-"], { input: Buffer.from(codes) });
    assert.deepEqual(
      codes.map(decode),
      codes.map((code) => raw.readInt16LE(2 * code)),
    );
  });

  test(`${law}: the tests write what is read as the interval that a sample is in`, () => {
    for (const code of codes) assert.equal(decode(encode(decode(code))), decode(code));
    for (const sample of samples) {
      const decoded = decode(encode(sample));
      assert.ok(isFrom(decoded, sample), `${sample} became ${decoded}`);
      // At the edge of two intervals, either will do.
      const others = codes.map(decode).filter((other) => other !== decoded && isFrom(other, sample));
      assert.ok(others.length <= 1, `${sample} may be ${others}`);
    }
  });
}
