import { existsSync } from "node:fs";
import type { Task } from "../../platform/jobs/jobs.ts";
import type { Log } from "../../platform/log.ts";
import type { Db, House } from "../context.ts";
import { deleteOldRecordings } from "./deleteOldRecordings.ts";
import { deleteStrayRecordings } from "./deleteStrayRecordings.ts";

export interface CleanUpRecordings {
  house: Pick<House, "db" | "settings" | "clock">;
  /** Undefined: for ever. */
  keepDays: number | undefined;
  log: Log;
}

/** The daily task that deletes recordings that have had their time, and files that no call leads to, and says what it did. */
export function createCleanUpRecordings({ house, keepDays, log }: CleanUpRecordings): Task<"clean_up_recordings"> {
  const folder = house.settings.recordingsDir;
  return async (_payload, { signal }) => {
    const before = keepDays === undefined ? undefined : new Date(house.clock.now().getTime() - keepDays * DAY_MS);
    if (!existsSync(folder)) {
      // Every file would pass for deleted. Before the first recording there is none.
      if (before && (await hasRecordings(house.db, before)))
        log.error({ folder }, "old recordings cannot be deleted: RECORDINGS_DIR is not there");
      return;
    }
    if (before) {
      const { deleted, missing, failed } = await deleteOldRecordings(house, { before, signal, log });
      if (deleted > 0) log.info({ deleted, keepDays }, "old recordings were deleted");
      if (missing > 0) {
        log.warn(
          { missing, folder },
          "old recordings had no file in RECORDINGS_DIR; if other machines have another folder, theirs are still there",
        );
      }
      if (failed > 0) log.error({ failed, folder }, "so many old recordings could not be deleted; it is tried again tomorrow");
    }
    const strays = await deleteStrayRecordings(house, { before, signal, log });
    if (strays > 0) log.warn({ deleted: strays, folder }, "files of recordings that no call leads to were deleted");
  };
}

async function hasRecordings(db: Db, before: Date): Promise<boolean> {
  const { rows } = await db.pool.query("select from recordings where deleted_at is null and started_at < $1 limit 1", [before]);
  return rows.length > 0;
}

const DAY_MS = 24 * 3_600_000;
