import type { Client } from "../../platform/postgres/database.ts";
import type { Agent } from "../agents/agent.ts";
import type { DncEntry, DncEntryView } from "./dnc-entry.ts";

/** Adds to each entry of one workspace its agents. Takes a pool or a transaction's client. */
export async function viewDncEntries(client: Pick<Client, "query">, entries: readonly DncEntry[]): Promise<DncEntryView[]> {
  const ids = [...new Set(entries.flatMap((entry) => entry.agent_ids))];
  const workspaceId = entries[0]?.workspace_id;
  const { rows } =
    ids.length > 0
      ? await client.query<Agent>("select * from agents where workspace_id = $1 and id = any($2::uuid[])", [workspaceId, ids])
      : { rows: [] };
  const agents = new Map(rows.map((agent) => [agent.id, agent]));
  return entries.map((entry) => ({ ...entry, agents: entry.agent_ids.flatMap((id) => agents.get(id) ?? []) }));
}
