import { SAMPLE_RATE } from "../../carriers/carrier.ts";

export const HEADER_BYTES = 44;
/** Left and right, 16 bits each. */
export const FRAME_BYTES = 4;
const CHANNELS = 2;
const PCM = 1;
const BYTES_PER_SECOND = SAMPLE_RATE * FRAME_BYTES;

/** The head of a stereo WAV file, 16 bits and 8 kHz, with so many bytes of samples. */
export function wavHeader(dataBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(HEADER_BYTES - 8 + dataBytes, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(PCM, 20);
  header.writeUInt16LE(CHANNELS, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(BYTES_PER_SECOND, 28);
  header.writeUInt16LE(FRAME_BYTES, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

export const durationMsOf = (dataBytes: number): number => Math.round((dataBytes * 1000) / BYTES_PER_SECOND);
