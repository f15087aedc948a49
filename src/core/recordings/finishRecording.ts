import type { House } from "../context.ts";
import type { StartRecording } from "./startRecording.ts";

export interface FinishRecording extends StartRecording {
  durationMs: number;
  /** Of the file. */
  bytes: number;
}

/** Notes what a call's recording came to, also when its start could not be noted. */
export async function finishRecording({ db }: Pick<House, "db">, input: FinishRecording): Promise<void> {
  await db.pool.query({
    name: "finish-recording",
    text: `insert into recordings (workspace_id, call_id, file, started_at, duration_ms, bytes) values ($1, $2, $3, $4, $5, $6)
           on conflict (workspace_id, call_id) do update set duration_ms = excluded.duration_ms, bytes = excluded.bytes`,
    values: [input.workspaceId, input.callId, input.file, input.startedAt, input.durationMs, input.bytes],
  });
}
