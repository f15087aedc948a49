import type { Call } from "../core/calls/row.ts";
import { recordCallEvents } from "../core/events/recordCallEvents.ts";
import type { Client } from "../platform/postgres/database.ts";
import type { GroupRun } from "../platform/postgres/group-commit.ts";

export interface CallAnswer {
  workspaceId: string;
  callId: string;
  nodeId: string;
  answeredBy: "human" | "machine" | "unknown";
  rangAt?: Date | undefined;
  at: Date;
}

/** ringing ──► in_progress, for calls whose lease the node holds; again: nothing. False: it does not hold it, and nothing is changed. */
export const answerCalls: GroupRun<CallAnswer, boolean> = async (client, answers) => {
  const rows = answers.map(({ workspaceId, callId, nodeId, answeredBy, rangAt, at }) => ({
    workspace_id: workspaceId,
    call_id: callId,
    node_id: nodeId,
    answered_by: answeredBy,
    rang_at: rangAt ?? null,
    at,
  }));
  const { rows: calls } = await client.query<Call>({
    name: "answer-calls",
    text: `update calls c set status = 'in_progress', answered_by = a.answered_by, answered_at = a.at, updated_at = a.at,
        rang_at = coalesce(c.rang_at, a.rang_at)
      from json_to_recordset($1::json) as a(workspace_id uuid, call_id uuid, node_id uuid, answered_by text, rang_at timestamptz,
        at timestamptz)
      join live_calls l on l.workspace_id = a.workspace_id and l.call_id = a.call_id and l.node_id = a.node_id
      where c.workspace_id = a.workspace_id and c.id = a.call_id and c.status = 'ringing'
      returning c.*`,
    values: [JSON.stringify(rows)],
  });
  await recordCallEvents(
    client,
    calls.map((call) => ({ type: "call.answered", call, at: call.updated_at })),
  );
  const ours = new Set(calls.map(({ id }) => id));
  const others = answers.filter(({ callId }) => !ours.has(callId));
  for (const id of await leasedAmong(client, others)) ours.add(id);
  return answers.map(({ callId }) => ours.has(callId));
};

/** Calls that do not ring although their lease is there were answered before, and the acknowledgement of that was lost. */
async function leasedAmong(client: Client, answers: readonly CallAnswer[]): Promise<string[]> {
  if (answers.length === 0) return [];
  const { rows } = await client.query<{ call_id: string }>({
    name: "leased-among",
    text: `select l.call_id from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as a(workspace_id, call_id, node_id)
      join live_calls l on l.workspace_id = a.workspace_id and l.call_id = a.call_id and l.node_id = a.node_id`,
    values: [answers.map(({ workspaceId }) => workspaceId), answers.map(({ callId }) => callId), answers.map(({ nodeId }) => nodeId)],
  });
  return rows.map((row) => row.call_id);
}
