import type { Log } from "../../platform/log.ts";
import type { House } from "../context.ts";
import { removeRecordingFile } from "../recordings/removeRecordingFile.ts";

export interface DeletedRecordings {
  deleted: number;
  /** Those of them that had no file. */
  missing: number;
  failed: number;
}

interface OldRecording {
  workspace_id: string;
  call_id: string;
  file: string;
}

const BATCH = 500;

/** Deletes, over all workspaces, the recordings of ended calls that began before a moment. Done twice, it is done once. */
export async function deleteOldRecordings(
  { db, settings, clock }: Pick<House, "db" | "settings" | "clock">,
  { before, signal, log }: { before: Date; signal: AbortSignal; log: Log },
): Promise<DeletedRecordings> {
  const done: DeletedRecordings = { deleted: 0, missing: 0, failed: 0 };
  for (;;) {
    signal.throwIfAborted();
    // What could not be deleted is met again, and passed over.
    const { rows } = await db.pool.query<OldRecording>({
      name: "old-recordings",
      text: `select r.workspace_id, r.call_id, r.file from recordings r join calls c on c.workspace_id = r.workspace_id and c.id = r.call_id
        where r.deleted_at is null and r.started_at < $1 and c.status = 'ended'
        order by r.started_at, r.call_id limit $2 offset $3`,
      values: [before, BATCH, done.failed],
    });
    const gone: OldRecording[] = [];
    for (const row of rows) {
      if (signal.aborted) break;
      try {
        if (!(await removeRecordingFile(settings, row.file))) done.missing++;
        gone.push(row);
      } catch (error) {
        if (done.failed++ === 0) log.error({ err: error, file: row.file }, "a recording could not be deleted");
      }
    }
    await db.pool.query({
      name: "recordings-deleted",
      text: `update recordings r set deleted_at = $1 from unnest($2::uuid[], $3::uuid[]) as gone (workspace_id, call_id)
        where r.workspace_id = gone.workspace_id and r.call_id = gone.call_id and r.deleted_at is null`,
      values: [clock.now(), gone.map((row) => row.workspace_id), gone.map((row) => row.call_id)],
    });
    done.deleted += gone.length;
    if (rows.length < BATCH) return done;
  }
}
