import { sql } from "kysely";
import { type Context, requireScope } from "../context.ts";
import type { Agent } from "./agent.ts";

/** Agents of the workspace, newest first, those out of use too; and how many there are. A workspace has few: paged by offset. */
export async function listAgents(ctx: Context, page: { limit: number; offset: number }): Promise<{ agents: Agent[]; total: number }> {
  requireScope(ctx, "agents:read");
  const ours = ctx.db.kysely.selectFrom("agents").where("workspace_id", "=", ctx.workspace.id);
  const agents = await ours
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("number", "desc")
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  const { total } = await ours.select(sql<number>`count(*)`.as("total")).executeTakeFirstOrThrow();
  return { agents, total };
}
