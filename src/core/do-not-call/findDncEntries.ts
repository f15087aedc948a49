import type { Client } from "../../platform/postgres/database.ts";
import type { DncEntry } from "./dnc-entry.ts";

export interface DncCheck {
  workspaceId: string;
  /** E.164. */
  phone: string;
  agentId: string;
}

/**
 * For each check, in their order, the entry that forbids that agent to call that number now; undefined when none does.
 * One statement for any number of checks, of any workspaces; takes a pool or the client of the caller's transaction.
 */
export async function findDncEntries(
  client: Pick<Client, "query">,
  checks: readonly DncCheck[],
  now: Date,
): Promise<Array<DncEntry | undefined>> {
  if (checks.length === 0) return [];
  const { rows } = await client.query<DncEntry & { place: number }>({
    name: "find-dnc-entries",
    text: `select d.*, c.place
      from unnest($1::uuid[], $2::text[], $3::uuid[]) with ordinality as c(workspace_id, phone, agent_id, place)
      join dnc_entries d on d.workspace_id = c.workspace_id and d.phone = c.phone
      where (d.agent_ids = '{}' or c.agent_id = any(d.agent_ids)) and (d.expires_at is null or d.expires_at > $4)`,
    values: [checks.map((check) => check.workspaceId), checks.map((check) => check.phone), checks.map((check) => check.agentId), now],
  });
  const found = new Map(rows.map(({ place, ...entry }): [number, DncEntry] => [place - 1, entry]));
  return checks.map((_check, index) => found.get(index));
}
