import assert from "node:assert/strict";
import { test } from "node:test";
import { G711 } from "../../../../src/carriers/sip/media/g711.ts";

/** Tables 1 and 2 of G.711, from their own definition: where the segments begin, 16 equal steps in each. */
const LAWS = {
  PCMA: { unit: 8, inverted: 0x55, edges: edges([0, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096], [2, 2, 4, 8, 16, 32, 64, 128]) },
  PCMU: { unit: 4, inverted: 0x7f, edges: edges([0, 31, 95, 223, 479, 991, 2_015, 4_063, 8_159], [2, 4, 8, 16, 32, 64, 128, 256]) },
} as const;

/** Decision values x_0, x_1 ... x_128. */
function edges(starts: number[], steps: number[]): number[] {
  const values: number[] = [];
  for (const [segment, step] of steps.entries()) {
    let at = starts[segment] ?? 0;
    // The first step of the first segment of mu-law is half as wide: from 0 to 1.
    const first = segment === 0 && starts[1] === 31;
    for (let index = 0; index < 16; index++) {
      values.push(at);
      at += first && index === 0 ? 1 : step;
    }
  }
  values.push(starts.at(-1) ?? 0);
  return values;
}

for (const codec of ["PCMA", "PCMU"] as const) {
  const law = G711[codec];
  const { unit, inverted, edges: decisions } = LAWS[codec];
  // Output y_n lies in the middle of its interval; that of the innermost of mu-law is 0.
  const output = (step: number) =>
    codec === "PCMU" && step === 0 ? 0 : (((decisions[step] ?? 0) + (decisions[step + 1] ?? 0)) / 2) * unit;

  test(`${codec}: all 256 codes stand for the middle of their interval (G.711 tables)`, () => {
    assert.equal(decisions.length, 129);
    for (let code = 0; code < 256; code++) {
      const magnitude = output((code ^ inverted) & 0x7f);
      const sample = code & 0x80 ? magnitude : -magnitude;
      assert.equal(law.decode[code], sample === 0 ? 0 : sample, `code ${code}`);
    }
  });

  test(`${codec}: all 65,536 samples get the code of the interval that they lie in (G.711 tables)`, () => {
    for (let sample = -32_768; sample <= 32_767; sample++) {
      const magnitude = sample < 0 ? -sample - 1 : sample;
      let step = 0;
      while (step < 127 && magnitude >= (decisions[step + 1] ?? 0) * unit) step++;
      const code = (step ^ inverted) & 0x7f;
      const wanted = sample < 0 ? code : code | 0x80;
      if (law.encode[sample & 0xffff] !== wanted) assert.fail(`sample ${sample}: ${law.encode[sample & 0xffff]}, not ${wanted}`);
    }
  });

  test(`${codec}: what was decoded is encoded to the same again, and is symmetric`, () => {
    for (let code = 0; code < 256; code++) {
      const sample = law.decode[code] ?? 0;
      const again = law.encode[sample & 0xffff] ?? 0;
      assert.equal(law.decode[again], sample);
      assert.equal((law.decode[code ^ 0x80] ?? 0) + sample, 0);
    }
    assert.equal(law.encode[0], codec === "PCMA" ? 0xd5 : 0xff);
  });
}
