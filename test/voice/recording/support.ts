import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { type AudioFrame, type AudioMedia, FRAME_MS, FRAME_SAMPLES } from "../../../src/carriers/carrier.ts";

/** Audio whose frames the test makes, one after the other; the arrays are used again, as those of the real one. */
export function createFrameSource() {
  const listeners = new Set<(frame: AudioFrame) => void>();
  const heard = new Int16Array(FRAME_SAMPLES);
  const said = new Int16Array(FRAME_SAMPLES);
  let count = 0;
  const media: Pick<AudioMedia, "onFrame"> = {
    onFrame(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    // The recorder uses nothing else of it.
    media: media as AudioMedia,
    get listeners() {
      return listeners.size;
    },
    /** The frames' samples count up from the first frame on: on the left as they are, on the right negative. */
    send(frames: number) {
      for (let frame = 0; frame < frames; frame++, count++) {
        for (let index = 0; index < FRAME_SAMPLES; index++) {
          heard[index] = leftAt(count * FRAME_SAMPLES + index);
          said[index] = -leftAt(count * FRAME_SAMPLES + index);
        }
        for (const listener of [...listeners]) listener({ timestampMs: count * FRAME_MS, heard, said, concealed: false });
      }
      heard.fill(0);
      said.fill(0);
    },
  };
}

export const leftAt = (index: number): number => (index % 30_000) + 1;

/** Reads a stereo WAV file by its own head. */
export function readWav(file: Buffer): {
  sampleRate: number;
  channels: number;
  bits: number;
  dataBytes: number;
  left: Int16Array;
  right: Int16Array;
} {
  const dataBytes = file.readUInt32LE(40);
  const frames = Math.floor(Math.min(dataBytes, file.length - 44) / 4);
  return {
    sampleRate: file.readUInt32LE(24),
    channels: file.readUInt16LE(22),
    bits: file.readUInt16LE(34),
    dataBytes,
    left: Int16Array.from({ length: frames }, (_, index) => file.readInt16LE(44 + index * 4)),
    right: Int16Array.from({ length: frames }, (_, index) => file.readInt16LE(46 + index * 4)),
  };
}

/** A disk of 192 kB, where the machine lets us. */
export function mountSmall(path: string): boolean {
  if (process.getuid?.() !== 0) return false;
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=192k", "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
