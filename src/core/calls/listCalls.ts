import { sql } from "kysely";
import { type Context, requireScope } from "../context.ts";
import type { CallOutcome, CallStatus } from "./call.ts";
import { type CallView, viewCalls } from "./call-view.ts";

export interface CallFilter {
  statuses?: readonly CallStatus[];
  outcomes?: readonly CallOutcome[];
  agentId?: string;
  direction?: "outbound" | "inbound";
  /** E.164. */
  to?: string;
  /** E.164. */
  from?: string;
  createdFrom?: Date;
  createdTo?: Date;
}

/** Calls of the workspace, newest first. The offset is translated to a key by an index scan. */
export async function listCalls(ctx: Context, filter: CallFilter, page: { limit: number; offset: number }): Promise<CallView[]> {
  requireScope(ctx, "calls:read");
  let query = filtered(ctx, filter).selectAll("calls").orderBy("calls.id", "desc").limit(page.limit);
  if (page.offset > 0) {
    const first = filtered(ctx, filter).select("calls.id").orderBy("calls.id", "desc").offset(page.offset).limit(1);
    query = query.where("calls.id", "<=", first);
  }
  return viewCalls(ctx.db.pool, ctx.workspace.id, await query.execute());
}

export async function countCalls(ctx: Context, filter: CallFilter): Promise<number> {
  requireScope(ctx, "calls:read");
  const { count } = await filtered(ctx, filter).select(sql<number>`count(*)`.as("count")).executeTakeFirstOrThrow();
  return count;
}

function filtered(ctx: Context, filter: CallFilter) {
  let query = ctx.db.kysely.selectFrom("calls").where("calls.workspace_id", "=", ctx.workspace.id);
  const { statuses, outcomes, agentId, direction, to, from, createdFrom, createdTo } = filter;
  if (statuses) query = query.where("calls.status", "in", statuses);
  if (outcomes) query = query.where("calls.outcome", "in", outcomes);
  if (agentId !== undefined) query = query.where("calls.agent_id", "=", agentId);
  if (direction) query = query.where("calls.direction", "=", direction);
  if (to !== undefined) query = query.where("calls.to_number", "=", to);
  if (from !== undefined) query = query.where("calls.from_number", "=", from);
  if (createdFrom) query = query.where("calls.created_at", ">=", createdFrom);
  if (createdTo) query = query.where("calls.created_at", "<=", createdTo);
  return query;
}
