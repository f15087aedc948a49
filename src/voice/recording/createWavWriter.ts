import { type FileHandle, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { isErrno, makeFolders } from "../../platform/files.ts";
import { HEADER_BYTES, wavHeader } from "./wav-header.ts";

/** Writes a WAV file block by block, in order, without ever making its caller wait. */
export interface WavWriter {
  /**
   * Takes the block until it calls `done`. While the disk is that slow that too many wait, the block becomes silence in the file.
   */
  write(block: Buffer, done?: () => void): void;
  /** Once everything is written that can be. Never rejects. */
  close(): Promise<WrittenWav>;
}

export interface WrittenWav {
  /** Bytes of samples in the file; 0: there is no file. */
  dataBytes: number;
}

export interface WavWriterEvents {
  /** The first block is in the file. */
  begun(): void;
  /** Once, at the first thing that goes wrong. */
  failed(error: unknown): void;
}

/** Blocks that wait for the disk, at most. */
const MOST_WAITING = 16;
/** The header tells of what was written up to some blocks ago, so a file that is never closed can be played that far. */
const HEADER_EVERY = 4;

export function createWavWriter(path: string, events: WavWriterEvents): WavWriter {
  const waiting: Array<{ block: Buffer; at: number; done: () => void }> = [];
  /** Where the next block goes, counted from the first sample. */
  let end = 0;
  let written = 0;
  let told = 0;
  let blocks = 0;
  let complained = false;
  let broken = false;
  let closing = false;
  let file: FileHandle | undefined;
  let working: Promise<void> | undefined;

  const complain = (error: unknown) => {
    if (!complained) events.failed(error);
    complained = true;
  };

  const tellHeader = async () => {
    if (written === told) return;
    await file?.write(wavHeader(written), 0, HEADER_BYTES, 0);
    told = written;
  };

  const work = async () => {
    try {
      file ??= await create(path);
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        await writeWhole(file, next.block, HEADER_BYTES + next.at).finally(next.done);
        written = next.at + next.block.length;
        if (++blocks % HEADER_EVERY === 1) await tellHeader();
        if (blocks === 1) events.begun();
      }
    } catch (error) {
      broken = true;
      for (const { done } of waiting.splice(0)) done();
      complain(error);
    }
    working = undefined;
  };

  const finish = async (open: FileHandle) => {
    await tellHeader().catch(complain);
    try {
      // A part of a block that did not fit goes.
      if (broken) await open.truncate(HEADER_BYTES + told);
      await open.datasync();
    } catch (error) {
      complain(error);
    }
    await open.close().catch(complain);
    if (told === 0) await rm(path, { force: true }).catch(complain);
  };

  return {
    write(block, done = () => {}) {
      if (broken || closing) return done();
      const at = end;
      end += block.length;
      if (waiting.length >= MOST_WAITING) {
        done();
        return complain(new Error("The disk is too slow: a part of the recording is missing."));
      }
      waiting.push({ block, at, done });
      working ??= work();
    },
    async close() {
      closing = true;
      await working;
      if (file) await finish(file);
      return { dataBytes: told };
    },
  };
}

async function create(path: string): Promise<FileHandle> {
  const create = () => open(path, "wx", 0o600);
  return create().catch((error: unknown) => {
    if (!isErrno(error, "ENOENT")) throw error;
    makeFolders(dirname(path));
    return create();
  });
}

/** A full disk takes a part first. */
async function writeWhole(file: FileHandle, block: Buffer, at: number): Promise<void> {
  for (let from = 0; from < block.length; ) {
    const { bytesWritten } = await file.write(block, from, block.length - from, at + from);
    if (bytesWritten === 0) throw new Error("The disk takes no more.");
    from += bytesWritten;
  }
}
