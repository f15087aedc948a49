import type { House } from "../context.ts";
import { NotFound } from "../errors.ts";
import { removeRecordingFile } from "./removeRecordingFile.ts";

export interface DeleteRecording {
  workspaceId: string;
  callId: string;
  /** Also when there is no file: it was removed by other means. */
  force?: boolean;
}

export type DeletedRecording =
  /** `at`: when it was deleted first. */
  | { state: "deleted"; at: Date }
  /** The call is not over. */
  | { state: "running" }
  /** The store knows of a file that is not in the folder, and nothing was changed: the folder may be the wrong one. */
  | { state: "missing"; file: string }
  | { state: "none" };

/**
 * Deletes a call's recording: its file, and with it what any link leads to. Again: nothing. The file goes first, so that what is
 * said to be deleted is. Throws NotFound("call"), and what the file system has against it.
 */
export async function deleteRecording(
  { db, settings, clock }: Pick<House, "db" | "settings" | "clock">,
  { workspaceId, callId, force = false }: DeleteRecording,
): Promise<DeletedRecording> {
  const found = await db.kysely
    .selectFrom("calls as c")
    .leftJoin("recordings as r", (join) => join.onRef("r.workspace_id", "=", "c.workspace_id").onRef("r.call_id", "=", "c.id"))
    .select(["c.status", "r.file", "r.deleted_at"])
    .where("c.workspace_id", "=", workspaceId)
    .where("c.id", "=", callId)
    .executeTakeFirst();
  if (!found) throw new NotFound("call", callId);
  if (found.status !== "ended") return { state: "running" };
  if (found.file === null) return { state: "none" };
  const removed = await removeRecordingFile(settings, found.file);
  if (found.deleted_at) return { state: "deleted", at: found.deleted_at };
  if (!removed && !force) return { state: "missing", file: found.file };
  const at = clock.now();
  await db.kysely
    .updateTable("recordings")
    .set({ deleted_at: at })
    .where("workspace_id", "=", workspaceId)
    .where("call_id", "=", callId)
    .where("deleted_at", "is", null)
    .execute();
  return { state: "deleted", at };
}
