import type { House } from "../context.ts";

export interface StartRecording {
  workspaceId: string;
  callId: string;
  /** Under RECORDINGS_DIR. */
  file: string;
  startedAt: Date;
}

/** Notes that a call has a recording, as soon as there is something in it. Again: nothing. */
export async function startRecording({ db }: Pick<House, "db">, input: StartRecording): Promise<void> {
  await db.pool.query({
    name: "start-recording",
    text: `insert into recordings (workspace_id, call_id, file, started_at) values ($1, $2, $3, $4)
           on conflict (workspace_id, call_id) do nothing`,
    values: [input.workspaceId, input.callId, input.file, input.startedAt],
  });
}
