import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { finishRecording } from "../../../src/core/recordings/finishRecording.ts";
import { recordingFile } from "../../../src/core/recordings/recording.ts";
import type { CallingTenant } from "../../engine/support.ts";

let numbers = 0;

export interface Recorded {
  callId: string;
  path: string;
}

/** A call that is over, with a recording that began then. `noted: false`: the store knows of the call, not of the file. */
export async function recordedCall(
  { ctx, workspace, place, calls }: CallingTenant,
  startedAt: Date,
  { status = "ended", noted = true }: { status?: "ended" | "in_progress"; noted?: boolean } = {},
): Promise<Recorded> {
  await place(`+9725014${String(++numbers).padStart(5, "0")}`);
  const call = (await calls()).at(-1);
  assert.ok(call);
  const ended = status === "ended" ? startedAt : null;
  await ctx.db.pool.query(
    "update calls set status = $3, outcome = $4, created_at = $5, answered_at = $5, ended_at = $6 where workspace_id = $1 and id = $2",
    [workspace.id, call.id, status, ended && "completed", startedAt, ended],
  );
  const file = recordingFile(workspace.id, call.id, startedAt);
  if (noted) await finishRecording(ctx, { workspaceId: workspace.id, callId: call.id, file, startedAt, durationMs: 1_000, bytes: 5 });
  const path = join(ctx.settings.recordingsDir, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "sound");
  return { callId: call.id, path };
}
