import { newId } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { InvalidInput } from "../errors.ts";
import type { Agent } from "./agent.ts";
import { checkSettings } from "./checkSettings.ts";
import { type AgentDraft, withDefaults } from "./settings.ts";

export interface CreateAgent {
  settings: AgentDraft;
  /** The agent that was made with this key before is the answer, unchanged. */
  idempotencyKey?: string;
  id?: string;
  number?: number;
}

/**
 * Makes an agent with its first version. Throws InvalidInput on what `checkSettings` refuses, and on `greeting_message` when
 * the agent is to speak first but has nothing to say.
 */
export async function createAgent(ctx: Context, input: CreateAgent): Promise<{ agent: Agent; existed: boolean }> {
  requireScope(ctx, "agents:create");
  const settings = withDefaults(input.settings);
  const issues = checkSettings(settings);
  if (settings.agent_speaks_first && !settings.greeting_message?.trim()) {
    const message = "greeting_message is required when agent_speaks_first is true, as it is by default.";
    issues.push({ path: ["greeting_message"], code: "required", message });
  }
  if (issues.length > 0) throw new InvalidInput(issues);
  const { rows } = await ctx.db.pool.query<Agent>(CREATE, [
    ctx.workspace.id,
    input.id ?? newId(),
    input.number ?? null,
    input.idempotencyKey ?? null,
    JSON.stringify(settings),
    ctx.clock.now(),
    newId(),
  ]);
  const made = rows[0];
  if (made) return { agent: made, existed: false };
  const agent = await ctx.db.kysely
    .selectFrom("agents")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("idempotency_key", "=", input.idempotencyKey ?? null)
    .executeTakeFirstOrThrow();
  return { agent, existed: true };
}

const CREATE = `
  with made as (
    insert into agents (workspace_id, id, number, version, is_active, idempotency_key, settings, created_at, updated_at)
    values ($1, $2, coalesce($3, nextval(pg_get_serial_sequence('agents', 'number'))), 1, true, $4, $5, $6, $6)
    on conflict (workspace_id, idempotency_key) do nothing
    returning *
  ), versioned as (
    insert into agent_versions (workspace_id, agent_id, version, settings, created_at)
    select workspace_id, id, version, settings, created_at from made
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, $7, 'agent.created', id, jsonb_build_object('version', version), created_at from made
  )
  select * from made`;
