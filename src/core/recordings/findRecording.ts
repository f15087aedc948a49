import type { House } from "../context.ts";
import type { Recording } from "./recording.ts";
import { recordingPath } from "./recordingPath.ts";

export type FoundRecording =
  | { state: "ready"; path: string; recording: Recording }
  /** The call is not over. */
  | { state: "running" }
  /** There never was one, or it was deleted. */
  | { state: "none" };

/**
 * A call's recording, whoever asks; undefined when there is no such call. One whose voice node vanished is ready with the call's
 * end, as far as it got. Whether the file is still there is not asked.
 */
export async function findRecording(
  { db, settings }: Pick<House, "db" | "settings">,
  { workspaceId, callId }: { workspaceId: string; callId: string },
): Promise<FoundRecording | undefined> {
  const call = await db.kysely
    .selectFrom("calls")
    .select("status")
    .where("workspace_id", "=", workspaceId)
    .where("id", "=", callId)
    .executeTakeFirst();
  if (!call) return undefined;
  if (call.status !== "ended") return { state: "running" };
  const recording = await db.kysely
    .selectFrom("recordings")
    .selectAll()
    .where("workspace_id", "=", workspaceId)
    .where("call_id", "=", callId)
    .where("deleted_at", "is", null)
    .executeTakeFirst();
  const path = recording && recordingPath(settings, recording.file);
  return recording && path !== undefined ? { state: "ready", path, recording } : { state: "none" };
}
