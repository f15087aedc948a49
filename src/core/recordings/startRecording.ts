import type { GroupRun } from "../../platform/postgres/group-commit.ts";
import type { House } from "../context.ts";

export interface StartRecording {
  workspaceId: string;
  callId: string;
  /** Under RECORDINGS_DIR. */
  file: string;
  startedAt: Date;
}

/** Notes that a call has a recording, as soon as there is something in it. Again: nothing. */
export const startRecording = ({ db }: Pick<House, "db">, input: StartRecording): Promise<void> =>
  db.togetherInOneStatement(startRecordings, input);

/** Calls begin in groups. */
const startRecordings: GroupRun<StartRecording, void> = async (client, inputs) => {
  const rows = inputs.map(({ workspaceId, callId, file, startedAt }) => ({
    workspace_id: workspaceId,
    call_id: callId,
    file,
    started_at: startedAt,
  }));
  await client.query({
    name: "start-recordings",
    text: `insert into recordings (workspace_id, call_id, file, started_at)
      select * from json_to_recordset($1::json) as r(workspace_id uuid, call_id uuid, file text, started_at timestamptz)
      on conflict (workspace_id, call_id) do nothing`,
    values: [JSON.stringify(rows)],
  });
  return inputs.map(() => undefined);
};
