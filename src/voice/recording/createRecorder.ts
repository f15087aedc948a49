import { join } from "node:path";
import { type AudioMedia, SAMPLE_RATE } from "../../carriers/carrier.ts";
import type { Call } from "../../core/calls/row.ts";
import type { House } from "../../core/context.ts";
import { finishRecording } from "../../core/recordings/finishRecording.ts";
import { recordingFile } from "../../core/recordings/recording.ts";
import { startRecording } from "../../core/recordings/startRecording.ts";
import type { Recorder, Recording } from "../../engine/recorder.ts";
import type { Log } from "../../platform/log.ts";
import { persist } from "../../platform/persist.ts";
import { type Block, type Blocks, createBlocks } from "./createBlocks.ts";
import { createWavWriter } from "./createWavWriter.ts";
import { durationMsOf, HEADER_BYTES } from "./wav-header.ts";

/** A second, left and right: a whole number of frames. */
const BLOCK_SAMPLES = SAMPLE_RATE * 2;

/**
 * Records calls into WAV files under RECORDINGS_DIR: two channels of 16 bits and 8 kHz, the other party on the left and the
 * agent on the right. The file grows during the call, and can be played up to a few seconds before where its process died.
 */
export function createRecorder({ house, log }: { house: Pick<House, "db" | "settings">; log: Log }): Recorder {
  const blocks = createBlocks(BLOCK_SAMPLES);
  return { record: (call, media, startedAt, abandon) => record({ house, log, blocks, abandon }, call, media, startedAt) };
}

interface Room {
  house: Pick<House, "db" | "settings">;
  log: Log;
  blocks: Blocks;
  abandon: AbortSignal;
}

function record({ house, log, blocks, abandon }: Room, call: Call, media: AudioMedia, startedAt: Date): Recording {
  const file = recordingFile(call.workspace_id, call.id, startedAt);
  const path = join(house.settings.recordingsDir, file);
  const noted = { workspaceId: call.workspace_id, callId: call.id, file, startedAt };
  const warn = (what: string) => (err: unknown) => log.error({ err, call: call.id, file: path }, what);
  let complete = false;
  let starting: Promise<void> = Promise.resolve();
  const writer = createWavWriter(path, {
    begun: () => {
      const start = async () => {
        // What is noted at the end says all of it.
        if (!complete) await startRecording(house, noted);
      };
      starting = persist(start, abandon).catch(warn("a recording could not be noted; its end will try again"));
    },
    failed: warn("a recording cannot be written to its end"),
  });

  // Samples lie in memory as they do in the file: Node.js runs here on little-endian machines only.
  let block: Block | undefined;
  let filled = 0;
  const give = () => {
    if (block) writer.write(block.bytes.subarray(0, filled * Int16Array.BYTES_PER_ELEMENT), block.free);
    block = undefined;
    filled = 0;
  };
  const stop = media.onFrame(({ heard, said }) => {
    block ??= blocks.take();
    const { samples } = block;
    for (let index = 0; index < heard.length; index++) {
      samples[filled++] = heard[index] ?? 0;
      samples[filled++] = said[index] ?? 0;
    }
    if (filled === BLOCK_SAMPLES) give();
  });

  const finish = async () => {
    stop();
    give();
    const { dataBytes } = await writer.close();
    complete = true;
    await starting;
    if (dataBytes === 0) return;
    const whole = { ...noted, durationMs: durationMsOf(dataBytes), bytes: HEADER_BYTES + dataBytes };
    await persist(() => finishRecording(house, whole), abandon);
  };

  let finished: Promise<void> | undefined;
  return {
    finish() {
      finished ??= finish().catch(warn("a recording could not be finished"));
      return finished;
    },
  };
}
