import { existsSync, statfsSync } from "node:fs";
import type { Config } from "../../config.ts";
import type { House } from "../../core/context.ts";
import { bytes } from "../bytes.ts";
import { isWritable, LEAST_FREE_BYTES, nearest } from "./data-dir.ts";
import { type Finding, note, ok, problem } from "./finding.ts";

const ABOUT = "recordings";
/** Two channels of 16 bits and 8 kHz. */
const BYTES_PER_HOUR = 2 * 2 * 8_000 * 3_600;

/** Whether calls can be recorded, for how long yet, and how much the recordings take. */
export async function checkRecordings({ RECORDINGS_KEEP_DAYS }: Config, { db, settings }: House): Promise<Finding[]> {
  const folder = settings.recordingsDir;
  if (!isWritable(nearest(folder))) {
    return [problem(ABOUT, `${folder} cannot be written by this user: calls are not recorded. Make it one of the user who runs Leadline.`)];
  }
  const free = statfsSync(nearest(folder));
  const freeBytes = free.bavail * free.bsize;
  const room = `${bytes(freeBytes)} free, ${Math.floor(freeBytes / BYTES_PER_HOUR)} hours of talk`;
  const space =
    freeBytes < LEAST_FREE_BYTES
      ? problem(ABOUT, `${folder}: only ${room}. Make room, or set RECORDINGS_KEEP_DAYS.`)
      : ok(ABOUT, `${folder}: ${room}`);
  const { rows } = await db.pool.query<{ count: number; bytes: number }>(
    "select count(*) as count, coalesce(sum(bytes), 0)::float8 as bytes from recordings where deleted_at is null",
  );
  const { count, bytes: taken } = rows[0] ?? { count: 0, bytes: 0 };
  const kept =
    RECORDINGS_KEEP_DAYS === undefined ? "kept for ever: RECORDINGS_KEEP_DAYS is not set" : `kept for ${RECORDINGS_KEEP_DAYS} days`;
  if (count > 0 && !existsSync(folder)) {
    return [
      problem(
        ABOUT,
        `${folder} is not there, but ${count} recordings should be in it. Set RECORDINGS_DIR to the folder that all processes share.`,
      ),
    ];
  }
  return [space, note(ABOUT, `${count === 0 ? "none" : `${count} with ${bytes(taken)}`}, ${kept}`)];
}
