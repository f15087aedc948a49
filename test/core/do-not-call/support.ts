import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { newId } from "../../../src/platform/ids.ts";
import type { Tenant, World } from "../../support/world.ts";

export async function agentOf(tenant: Tenant, name = "Noa"): Promise<string> {
  const settings = { name, system_prompt: "Be kind.", language: "he", greeting_message: "Hi" };
  return (await createAgent(tenant.ctx, { settings })).agent.id;
}

/** A call that waits for capacity, as its rows stand. */
export async function queueCall(world: World, tenant: Tenant, agentId: string, to: string): Promise<string> {
  const id = newId();
  await world.house.db.pool.query(
    `with call as (
       insert into calls (workspace_id, id, agent_id, agent_version, direction, from_number, to_number, status, created_at, updated_at)
       values ($1, $2, $3, 1, 'outbound', '+972551234567', $4, 'queued', now(), now()))
     insert into queued_calls (workspace_id, call_id, expires_at) values ($1, $2, now() + interval '1 hour')`,
    [tenant.workspace.id, id, agentId, to],
  );
  return id;
}

/** How each call stands: its status, or how it ended and by which entry; and whether it is still in the queue. */
export async function callStates(
  world: World,
  ids: readonly string[],
): Promise<Array<[state: string, entryId: string | null, queued: boolean]>> {
  const { rows } = await world.house.db.pool.query(
    `select c.id, coalesce(c.outcome, c.status) as state, c.dnc_entry_id, q.call_id is not null as queued
     from calls c left join queued_calls q on q.workspace_id = c.workspace_id and q.call_id = c.id where c.id = any($1)`,
    [ids],
  );
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => {
    const row = found.get(id);
    return [row.state, row.dnc_entry_id, row.queued];
  });
}
