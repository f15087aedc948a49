import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { Agent } from "./agent.ts";

/** Also an agent that is out of use. Throws NotFound("agent"). */
export async function getAgent(ctx: Context, id: string): Promise<Agent> {
  requireScope(ctx, "agents:read");
  const agent = await ctx.db.kysely
    .selectFrom("agents")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("id", "=", id)
    .executeTakeFirst();
  if (!agent) throw new NotFound("agent", id);
  return agent;
}
