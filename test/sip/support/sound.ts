import { readFileSync, writeFileSync } from "node:fs";

export interface Sound {
  sampleRate: number;
  /** One per channel. */
  channels: Int16Array[];
}

/** A WAV file of 16-bit PCM. A data size that was not filled in is that of the file. */
export function readWav(path: string): Sound {
  const bytes = readFileSync(path);
  let channelCount = 0;
  let sampleRate = 0;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const id = bytes.toString("latin1", at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    if (id === "fmt ") {
      channelCount = bytes.readUInt16LE(at + 10);
      sampleRate = bytes.readUInt32LE(at + 12);
    }
    if (id === "data") {
      const data = bytes.subarray(at + 8, Math.min(bytes.length, at + 8 + size));
      const frames = Math.floor(data.length / 2 / channelCount);
      const channels = Array.from({ length: channelCount }, (_channel, channel) =>
        Int16Array.from({ length: frames }, (_sample, frame) => data.readInt16LE(2 * (frame * channelCount + channel))),
      );
      return { sampleRate, channels };
    }
    at += 8 + size + (size % 2);
  }
  throw new Error(`${path} has no audio`);
}

/** Writes 8 kHz mono. */
export function writeWav(path: string, samples: Int16Array): void {
  const header = Buffer.alloc(44);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + samples.length * 2, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(samples.length * 2, 40);
  writeFileSync(path, Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]));
}

interface Match {
  /** Normalised cross-correlation at the best place, -1 to 1. */
  correlation: number;
  /** Where `wanted` begins in what was searched, in samples; below 0 when its beginning is missing. */
  at: number;
  /** Longest time in which `wanted` sounds and nothing is heard. */
  longestGapMs: number;
}

/** Finds a sound in a longer one: by its loudness first, then sample by sample. */
function findSound(wanted: Int16Array, heard: Int16Array): Match {
  const [wantedLoudness, heardLoudness] = [loudness(wanted), loudness(heard)];
  const rough = bestLag(wantedLoudness, heardLoudness, -Math.floor(wantedLoudness.length / 4), heardLoudness.length).at * WINDOW;
  const { at, correlation } = bestLag(wanted, heard, rough - 2 * WINDOW, rough + 2 * WINDOW);
  return { correlation, at, longestGapMs: longestGapMs(wanted, heard, at) };
}

const WINDOW_MS = 5;
const WINDOW = 8 * WINDOW_MS;

/** The level of each window. */
const loudness = (samples: Int16Array): Float64Array =>
  Float64Array.from({ length: Math.floor(samples.length / WINDOW) }, (_level, index) => Math.sqrt(power(samples, index * WINDOW)));

type Samples = Int16Array | Float64Array;

function bestLag(wanted: Samples, heard: Samples, from: number, to: number): { at: number; correlation: number } {
  let best = { at: 0, correlation: -1 };
  for (let lag = from; lag <= to; lag++) {
    const correlation = correlationAt(wanted, heard, lag);
    if (correlation > best.correlation) best = { at: lag, correlation };
  }
  return best;
}

function correlationAt(wanted: Samples, heard: Samples, lag: number): number {
  let [product, wantedPower, heardPower] = [0, 0, 0];
  for (let index = 0; index < wanted.length; index++) {
    const a = wanted[index] ?? 0;
    const b = heard[index + lag] ?? 0;
    product += a * b;
    wantedPower += a * a;
    heardPower += b * b;
  }
  return wantedPower === 0 || heardPower === 0 ? 0 : product / Math.sqrt(wantedPower * heardPower);
}

function longestGapMs(wanted: Int16Array, heard: Int16Array, lag: number): number {
  let [run, longest] = [0, 0];
  for (let start = 0; start + WINDOW <= wanted.length; start += WINDOW) {
    const sounds = power(wanted, start) > 300 * 300;
    run = sounds && power(heard, start + lag) < power(wanted, start) / 400 ? run + WINDOW_MS : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function power(samples: Int16Array, start: number): number {
  let sum = 0;
  for (let index = start; index < start + WINDOW; index++) sum += (samples[index] ?? 0) ** 2;
  return sum / WINDOW;
}

/**
 * How a sound that came in packets compares with the one that was sent. Compared as a whole, two recordings that a jitter buffer has
 * moved against one another by a single frame on the way are strangers, so it goes by half seconds, each of which has its own place.
 */
export function compareByPieces(wanted: Int16Array, heard: Int16Array) {
  const PIECE = 4_000;
  const starts = Array.from({ length: Math.floor(wanted.length / PIECE) }, (_value, index) => index * PIECE);
  // The last one is whole too.
  starts.push(wanted.length - PIECE);
  const pieces = starts.map((start) => {
    const { correlation, at, longestGapMs } = findSound(wanted.subarray(start, start + PIECE), heard);
    return { start, correlation, delay: at - start, longestGapMs };
  });
  const correlations = pieces.map(({ correlation }) => correlation);
  // A piece in whose midst a jitter buffer moves has no place of its own: it is looked for where the one before it was.
  const found = pieces.filter(({ correlation }) => correlation > 0.6);
  const delays = found.map(({ delay }) => delay / 8);
  let delay = found[0]?.delay ?? 0;
  const gaps = pieces.map((piece) => {
    if (!found.includes(piece)) return longestGapMs(wanted.subarray(piece.start, piece.start + PIECE), heard, piece.start + delay);
    delay = piece.delay;
    return piece.longestGapMs;
  });
  return {
    mean: correlations.reduce((sum, one) => sum + one, 0) / correlations.length,
    /** The share of pieces that are there. */
    found: found.length / pieces.length,
    movedMs: Math.max(...delays) - Math.min(...delays),
    longestGapMs: Math.max(...gaps),
  };
}

/** Whether it is all there on a line that loses packets: nothing is left out or put in, but it may be moved by a few frames on its way. */
export const isWhole = ({ mean, found, movedMs, longestGapMs }: ReturnType<typeof compareByPieces>): boolean =>
  mean > 0.7 && found > 0.7 && movedMs <= 200 && longestGapMs <= 80;
