import { SpeechError } from "./speech.ts";

/** Puts bytes of sound together to samples, wherever they were cut on their way. */
export interface PcmReader {
  /** The samples, mono, that these bytes complete. Throws SpeechError: not the format. */
  push(bytes: Uint8Array): Int16Array;
  /** Known once there are samples. */
  readonly sampleRate: number;
}

/** Raw 16-bit little-endian samples, mono. */
export function createPcmReader(sampleRate: number): PcmReader {
  const frames = createFrameReader(1);
  return { push: (bytes) => frames(bytes), sampleRate };
}

const HEADER_AT_MOST = 65_536;
const PCM = 1;
const EXTENSIBLE = 0xfffe;
/** Hz. The filter for an odd one would take seconds to design. */
const RATES: ReadonlySet<number> = new Set([8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]);

/** A WAV file as a stream: its lengths are not believed, as whoever writes to a pipe does not know them. */
export function createWavReader(): PcmReader {
  let head = Buffer.alloc(0);
  let frames: ((bytes: Uint8Array) => Int16Array) | undefined;
  let sampleRate = 0;
  return {
    get sampleRate() {
      return sampleRate;
    },
    push(bytes) {
      if (frames) return frames(bytes);
      head = Buffer.concat([head, bytes]);
      const found = findData(head);
      if (!found) {
        if (head.length > HEADER_AT_MOST) throw new SpeechError("The speech is not a WAV file.");
        return new Int16Array(0);
      }
      sampleRate = found.sampleRate;
      frames = createFrameReader(found.channels);
      const rest = head.subarray(found.offset);
      head = Buffer.alloc(0);
      return frames(rest);
    },
  };
}

function findData(head: Buffer): { offset: number; sampleRate: number; channels: number } | undefined {
  if (head.length < 12) return undefined;
  if (head.toString("latin1", 0, 4) !== "RIFF" || head.toString("latin1", 8, 12) !== "WAVE") {
    throw new SpeechError("The speech is not a WAV file.");
  }
  let format: { sampleRate: number; channels: number } | undefined;
  for (let at = 12; at + 8 <= head.length; ) {
    const id = head.toString("latin1", at, at + 4);
    const size = head.readUInt32LE(at + 4);
    if (id === "data") {
      if (!format) throw new SpeechError("The speech is a WAV file without a format.");
      return { offset: at + 8, ...format };
    }
    if (id === "fmt ") {
      if (head.length < at + 24) return undefined;
      format = readFormat(head.subarray(at + 8));
    }
    at += 8 + size + (size % 2);
  }
  return undefined;
}

function readFormat(chunk: Buffer): { sampleRate: number; channels: number } {
  const kind = chunk.readUInt16LE(0);
  const channels = chunk.readUInt16LE(2);
  const sampleRate = chunk.readUInt32LE(4);
  const bits = chunk.readUInt16LE(14);
  if ((kind !== PCM && kind !== EXTENSIBLE) || bits !== 16 || channels < 1 || channels > 2) {
    throw new SpeechError(`The speech is a WAV file of format ${kind} with ${bits} bits and ${channels} channels; 16-bit PCM is needed.`);
  }
  if (!RATES.has(sampleRate)) throw new SpeechError(`The speech has an unusable sample rate of ${sampleRate} Hz.`);
  return { sampleRate, channels };
}

/** Two channels become one. */
function createFrameReader(channels: number): (bytes: Uint8Array) => Int16Array {
  const frameBytes = 2 * channels;
  let left = Buffer.alloc(0);
  return (bytes) => {
    const all = left.length > 0 ? Buffer.concat([left, bytes]) : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const count = Math.floor(all.length / frameBytes);
    const samples = new Int16Array(count);
    for (let index = 0; index < count; index++) {
      const first = all.readInt16LE(index * frameBytes);
      samples[index] = channels === 1 ? first : Math.round((first + all.readInt16LE(index * frameBytes + 2)) / 2);
    }
    left = Buffer.from(all.subarray(count * frameBytes));
    return samples;
  };
}
