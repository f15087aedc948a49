import { newId } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";

/** Takes an agent out of use; it stays readable, and its settings stay as they are. Again is once. Throws NotFound("agent"). */
export async function deactivateAgent(ctx: Context, id: string): Promise<void> {
  requireScope(ctx, "agents:update");
  const { rows } = await ctx.db.pool.query(DEACTIVATE, [ctx.workspace.id, id, ctx.clock.now(), newId()]);
  if (rows.length === 0) throw new NotFound("agent", id);
}

const DEACTIVATE = `
  with changed as (
    update agents set is_active = false, updated_at = $3 where workspace_id = $1 and id = $2 and is_active
    returning workspace_id, id, version
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, $4, 'agent.deactivated', id, jsonb_build_object('version', version), $3 from changed
  )
  select id from agents where workspace_id = $1 and id = $2`;
