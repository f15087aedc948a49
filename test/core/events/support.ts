import { type AgentSettings, withDefaults } from "../../../src/core/agents/settings.ts";
import type { Call } from "../../../src/core/calls/row.ts";
import type { House } from "../../../src/core/context.ts";
import { newId } from "../../../src/platform/ids.ts";

export interface TestAgent {
  workspaceId: string;
  id: string;
  version: number;
}

const SETTINGS = withDefaults({ name: "Noa", system_prompt: "Be kind.", language: "en", greeting_message: "Hello" });

/** An agent, or a further version of one, as its row stands. */
export async function insertAgent(
  house: House,
  workspaceId: string,
  settings: Partial<AgentSettings>,
  { id = newId(), version = 1 }: { id?: string; version?: number } = {},
): Promise<TestAgent> {
  const now = house.clock.now();
  const text = JSON.stringify({ ...SETTINGS, ...settings });
  await house.db.pool.query(
    `with agent as (
       insert into agents (workspace_id, id, version, is_active, settings, created_at, updated_at) values ($1, $2, $3, true, $4, $5, $5)
       on conflict (workspace_id, id) do update set version = excluded.version, settings = excluded.settings)
     insert into agent_versions (workspace_id, agent_id, version, settings, created_at) values ($1, $2, $3, $4, $5)`,
    [workspaceId, id, version, text, now],
  );
  return { workspaceId, id, version };
}

/** A ringing call of the agent, unless told otherwise. */
export async function insertCall(house: House, agent: TestAgent, overrides: Partial<Call> = {}): Promise<Call> {
  const now = house.clock.now();
  return house.db.kysely
    .insertInto("calls")
    .values({
      workspace_id: agent.workspaceId,
      id: newId(),
      agent_id: agent.id,
      agent_version: agent.version,
      direction: "outbound",
      from_number: "+972551234567",
      to_number: "+972501234567",
      status: overrides.status ?? "ringing",
      outcome: overrides.outcome ?? null,
      answered_by: overrides.answered_by ?? null,
      ended_by: overrides.ended_by ?? null,
      disconnect_reason: overrides.disconnect_reason ?? null,
      error: overrides.error ?? null,
      dnc_entry_id: overrides.dnc_entry_id ?? null,
      dnc_reason: overrides.dnc_reason ?? null,
      created_at: now,
      started_at: now,
      answered_at: overrides.answered_at ?? null,
      ended_at: overrides.ended_at ?? null,
      updated_at: now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}
