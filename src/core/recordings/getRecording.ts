import { isAbsolute, join, relative } from "node:path";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { Recording } from "./recording.ts";

export type FoundRecording =
  | { state: "ready"; path: string; recording: Recording }
  /** The call is not over. */
  | { state: "running" }
  | { state: "none" };

/**
 * A call's recording and where it lies. One whose voice node vanished is ready with the call's end, as far as it got; whether
 * the file is still there is not asked. Throws NotFound("call").
 */
export async function getRecording(ctx: Context, callId: string): Promise<FoundRecording> {
  requireScope(ctx, "calls:read");
  const { kysely } = ctx.db;
  const call = await kysely
    .selectFrom("calls")
    .select("status")
    .where("workspace_id", "=", ctx.workspace.id)
    .where("id", "=", callId)
    .executeTakeFirst();
  if (!call) throw new NotFound("call", callId);
  if (call.status !== "ended") return { state: "running" };
  const recording = await kysely
    .selectFrom("recordings")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("call_id", "=", callId)
    .executeTakeFirst();
  if (!recording) return { state: "none" };
  const path = join(ctx.settings.recordingsDir, recording.file);
  const within = relative(ctx.settings.recordingsDir, path);
  if (within.startsWith("..") || isAbsolute(within)) return { state: "none" };
  return { state: "ready", path, recording };
}
