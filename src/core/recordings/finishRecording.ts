import type { GroupRun } from "../../platform/postgres/group-commit.ts";
import type { House } from "../context.ts";
import type { StartRecording } from "./startRecording.ts";

export interface FinishRecording extends StartRecording {
  durationMs: number;
  /** Of the file. */
  bytes: number;
}

/** Notes what a call's recording came to, also when its start could not be noted. */
export const finishRecording = ({ db }: Pick<House, "db">, input: FinishRecording): Promise<void> =>
  db.togetherInOneStatement(finishRecordings, input);

/** Calls end in groups. */
const finishRecordings: GroupRun<FinishRecording, void> = async (client, inputs) => {
  const rows = inputs.map(({ workspaceId, callId, file, startedAt, durationMs, bytes }) => ({
    workspace_id: workspaceId,
    call_id: callId,
    file,
    started_at: startedAt,
    duration_ms: durationMs,
    bytes,
  }));
  await client.query({
    name: "finish-recordings",
    text: `insert into recordings (workspace_id, call_id, file, started_at, duration_ms, bytes)
      select * from json_to_recordset($1::json) as r(workspace_id uuid, call_id uuid, file text, started_at timestamptz,
        duration_ms integer, bytes bigint)
      on conflict (workspace_id, call_id) do update set duration_ms = excluded.duration_ms, bytes = excluded.bytes`,
    values: [JSON.stringify(rows)],
  });
  return inputs.map(() => undefined);
};
