import { opendir, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { isErrno } from "../../platform/files.ts";
import { isUuid } from "../../platform/ids.ts";
import type { Log } from "../../platform/log.ts";
import type { House } from "../context.ts";

const BATCH = 1_000;

interface StrayOptions {
  /** Recordings from before this moment have had their time; undefined: none has. */
  before: Date | undefined;
  signal: AbortSignal;
  log: Log;
}

/**
 * Deletes files in the folder of recordings that no call leads to: of recordings that are deleted, as when that was broken off; and of
 * those that have had their time, of calls that are not in the store, or could not be noted to have one. A database that was put back from
 * a backup does not know the latest calls: without `before` their recordings are safe. It touches nothing but recordings (`recordingFile`)
 * of workspaces in the store: the folder may have other users. Returns how many it deleted.
 */
export async function deleteStrayRecordings(
  { db, settings }: Pick<House, "db" | "settings">,
  { before, signal, log }: StrayOptions,
): Promise<number> {
  let deleted = 0;
  const { rows: workspaces } = await db.pool.query<{ id: string }>("select id from workspaces");

  const look = async (workspaceId: string, folder: string, callIds: readonly string[]) => {
    const { rows } = await db.pool.query<{ id: string; over: boolean }>({
      name: "calls-of-recordings",
      text: `select c.id, r.deleted_at is not null or (r.call_id is null and c.status = 'ended' and c.created_at < $3) as over
        from calls c left join recordings r on r.workspace_id = c.workspace_id and r.call_id = c.id
        where c.workspace_id = $1 and c.id = any($2::uuid[])`,
      values: [workspaceId, callIds, before ?? "-infinity"],
    });
    const known = new Map(rows.map(({ id, over }) => [id, over]));
    for (const callId of callIds) {
      if (known.get(callId) === false) continue;
      const path = join(folder, `${callId}.wav`);
      try {
        if (!known.has(callId) && !(before && (await stat(path)).mtime < before)) continue;
        await unlink(path);
        deleted++;
      } catch (error) {
        if (!isErrno(error, "ENOENT"))
          log.error({ err: error, file: path }, "the file of a recording that no call leads to could not be deleted");
      }
    }
  };

  for (const { id } of workspaces) {
    for await (const month of namesIn(join(settings.recordingsDir, id))) {
      if (!/^\d{4}-\d{2}$/.test(month)) continue;
      const folder = join(settings.recordingsDir, id, month);
      let callIds: string[] = [];
      for await (const name of namesIn(folder)) {
        signal.throwIfAborted();
        const [, callId] = /^([0-9a-f-]{36})\.wav$/.exec(name) ?? [];
        if (callId === undefined || !isUuid(callId)) continue;
        callIds.push(callId);
        if (callIds.length < BATCH) continue;
        await look(id, folder, callIds);
        callIds = [];
      }
      if (callIds.length > 0) await look(id, folder, callIds);
    }
  }
  return deleted;
}

/** Nothing where there is no such folder. */
async function* namesIn(folder: string): AsyncGenerator<string> {
  try {
    for await (const { name } of await opendir(folder, { bufferSize: 256 })) yield name;
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
  }
}
