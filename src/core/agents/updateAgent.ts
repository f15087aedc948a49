import { newId } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import type { Agent } from "./agent.ts";
import { checkSettings } from "./checkSettings.ts";
import type { AgentChanges } from "./settings.ts";

export interface UpdateAgent {
  /** What is not in here stays as it is. */
  settings: AgentChanges;
  isActive?: boolean;
}

/**
 * Changes an agent and saves that as its next version. The change is merged into the row as it stands when the statement gets
 * to it, so of two at once both count. Throws NotFound("agent"), InvalidInput: nothing to change, or what `checkSettings` refuses.
 */
export async function updateAgent(ctx: Context, id: string, { settings, isActive }: UpdateAgent): Promise<Agent> {
  requireScope(ctx, "agents:update");
  const issues = checkSettings(settings);
  if (issues.length > 0) throw new InvalidInput(issues);
  if (isActive === undefined && Object.values(settings).every((value) => value === undefined)) {
    throw InvalidInput.of([], "nothing_to_change", "There is nothing to change: send at least one field that can be changed.");
  }
  const { rows } = await ctx.db.pool.query<Agent>(UPDATE, [
    ctx.workspace.id,
    id,
    JSON.stringify(settings),
    isActive ?? null,
    ctx.clock.now(),
    newId(),
  ]);
  const agent = rows[0];
  if (!agent) throw new NotFound("agent", id);
  return agent;
}

const UPDATE = `
  with changed as (
    update agents set settings = settings || $3::jsonb, is_active = coalesce($4, is_active), version = version + 1, updated_at = $5
    where workspace_id = $1 and id = $2
    returning *
  ), versioned as (
    insert into agent_versions (workspace_id, agent_id, version, settings, created_at)
    select workspace_id, id, version, settings, updated_at from changed
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, $6, 'agent.updated', id, jsonb_build_object('version', version), updated_at from changed
  )
  select * from changed`;
