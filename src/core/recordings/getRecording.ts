import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import { type FoundRecording, findRecording } from "./findRecording.ts";

/** A call's recording and where it lies. Throws NotFound("call"). */
export async function getRecording(ctx: Context, callId: string): Promise<FoundRecording> {
  requireScope(ctx, "calls:read");
  const found = await findRecording(ctx, { workspaceId: ctx.workspace.id, callId });
  if (!found) throw new NotFound("call", callId);
  return found;
}
