import { join } from "node:path";
import type { Line } from "./line.ts";
import { readWav, type Sound } from "./sound.ts";

/** The recording of a call that has ended, as it lies on the disk. */
export async function recordingOf({ world: { house } }: Line, callId: string): Promise<Sound> {
  const { rows } = await house.db.pool.query<{ file: string }>("select file from recordings where call_id = $1", [callId]);
  return readWav(join(house.settings.recordingsDir, rows[0]?.file ?? ""));
}
