import { type Selectable, sql } from "kysely";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { Tables } from "../tables.ts";
import { type CallView, viewCalls } from "./call-view.ts";

/** A call with everything that is known of it: what happened, and why it was allowed, delayed or refused; oldest first. */
export interface CallDetail extends CallView {
  events: Selectable<Tables["events"]>[];
  decisions: Selectable<Tables["call_decisions"]>[];
}

/** Throws NotFound("call"). */
export async function getCall(ctx: Context, id: string): Promise<CallDetail> {
  requireScope(ctx, "calls:read");
  const { kysely, pool } = ctx.db;
  const workspaceId = ctx.workspace.id;
  const call = await kysely.selectFrom("calls").selectAll().where("workspace_id", "=", workspaceId).where("id", "=", id).executeTakeFirst();
  if (!call) throw new NotFound("call", id);
  const events = kysely
    .selectFrom("events")
    .selectAll()
    .where("workspace_id", "=", workspaceId)
    .where("subject_id", "=", id)
    // Literally as the partial index has it: a parameter would hide it from the planner.
    .where(sql<boolean>`type like 'call.%'`)
    .orderBy("created_at")
    .orderBy("id");
  const decisions = kysely
    .selectFrom("call_decisions")
    .selectAll()
    .where("workspace_id", "=", workspaceId)
    .where("call_id", "=", id)
    .orderBy("created_at")
    .orderBy("id");
  const [views, eventRows, decisionRows] = await Promise.all([viewCalls(pool, workspaceId, [call]), events.execute(), decisions.execute()]);
  return { ...(views[0] as CallView), events: eventRows, decisions: decisionRows };
}
