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
