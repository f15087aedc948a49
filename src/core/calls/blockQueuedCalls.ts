import type { Client } from "../../platform/postgres/database.ts";
import { endQueuedCalls } from "./endQueuedCalls.ts";
import type { Call } from "./row.ts";

export interface BlockQueuedCalls {
  workspaceId: string;
  /** E.164. */
  phone: string;
  /** The Do-Not-Call entry that forbids the calls. */
  entryId: string;
  reason: string | null;
  /** Only the calls of these agents; of every agent when empty. */
  agentIds: readonly string[];
  now: Date;
}

/**
 * Ends every queued call of the workspace to a number as `dnc_blocked`, inside the transaction that writes the entry. A call
 * that is being admitted at this moment is waited for: it was admitted before the number was blocked, or it is blocked.
 */
export async function blockQueuedCalls(client: Client, block: BlockQueuedCalls): Promise<Call[]> {
  const { rows } = await client.query<{ call_id: string; entry_version: number | null }>({
    name: "lock-queued-calls-to",
    text: `select q.call_id, (select d.version from dnc_entries d where d.workspace_id = q.workspace_id and d.id = $4) as entry_version
      from queued_calls q join calls c on c.workspace_id = q.workspace_id and c.id = q.call_id
      where q.workspace_id = $1 and c.to_number = $2 and (cardinality($3::uuid[]) = 0 or c.agent_id = any($3))
      order by q.seq for update of q`,
    values: [block.workspaceId, block.phone, block.agentIds, block.entryId],
  });
  return endQueuedCalls(
    client,
    rows.map((row) => ({
      workspaceId: block.workspaceId,
      callId: row.call_id,
      ...dncEnd({ id: block.entryId, version: row.entry_version, reason: block.reason }),
      at: block.now,
    })),
  );
}

/** How a call ends that a Do-Not-Call entry forbids. */
export function dncEnd(entry: { id: string; version: number | null; reason: string | null }) {
  return {
    outcome: "dnc_blocked",
    reason: "do_not_call",
    detail: { entry_id: entry.id, entry_version: entry.version, entry_reason: entry.reason },
    disconnectReason: "Do not call",
    error: null,
    dncEntryId: entry.id,
    dncReason: entry.reason,
  } as const;
}
