import type { Codec } from "../../../core/trunks/trunk.ts";

/** A companding law as tables. */
export interface Law {
  /** Code of every 16-bit sample, at `sample & 0xffff`. */
  encode: Uint8Array;
  /** Sample of every code. */
  decode: Int16Array;
}

/** ITU-T G.711 on 16-bit samples: A-law uses the upper 13 bits, mu-law the upper 14. */
export const G711: Readonly<Record<Codec, Law>> = {
  PCMA: law(aLawCode, aLawSample),
  PCMU: law(muLawCode, muLawSample),
};

function law(code: (sample: number) => number, sample: (code: number) => number): Law {
  const encode = new Uint8Array(65_536);
  for (let index = 0; index < encode.length; index++) encode[index] = code((index << 16) >> 16);
  const decode = Int16Array.from({ length: 256 }, (_, index) => sample(index));
  return { encode, decode };
}

/** The sign bit is 1 for positive samples, even bits are inverted on the wire (G.711 table 1). */
function aLawCode(sample: number): number {
  const magnitude = (sample < 0 ? ~sample : sample) >> 4;
  const segment = Math.max(0, 28 - Math.clz32(magnitude));
  const step = segment === 0 ? magnitude : (magnitude >> (segment - 1)) & 0x0f;
  return ((sample < 0 ? 0 : 0x80) | (segment << 4) | step) ^ 0x55;
}

function aLawSample(code: number): number {
  const bits = code ^ 0x55;
  const segment = (bits >> 4) & 7;
  const step = bits & 0x0f;
  const magnitude = segment === 0 ? (step << 4) + 8 : ((step << 4) + 0x108) << (segment - 1);
  return bits & 0x80 ? magnitude : -magnitude;
}

/** All bits are inverted on the wire; segments begin 33 below powers of two of the 14-bit scale (G.711 table 2). */
function muLawCode(sample: number): number {
  const magnitude = Math.min((sample < 0 ? ~sample : sample) >> 2, 8_158) + 33;
  const segment = 26 - Math.clz32(magnitude);
  const step = (magnitude >> (segment + 1)) & 0x0f;
  return ((sample < 0 ? 0x80 : 0) | (segment << 4) | step) ^ 0xff;
}

function muLawSample(code: number): number {
  const bits = code ^ 0xff;
  const magnitude = (((((bits & 0x0f) << 1) + 33) << ((bits >> 4) & 7)) - 33) << 2;
  return bits & 0x80 ? -magnitude : magnitude;
}
