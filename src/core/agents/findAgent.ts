import { isUuid } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { Agent } from "./agent.ts";

/** By id or number, also one that is out of use. Throws NotFound("agent"). */
export async function findAgent(ctx: Context, name: string): Promise<Agent> {
  requireScope(ctx, "agents:read");
  const column = isUuid(name) ? "id" : /^\d{1,15}$/.test(name) ? "number" : undefined;
  const agent =
    column &&
    (await ctx.db.kysely
      .selectFrom("agents")
      .selectAll()
      .where("workspace_id", "=", ctx.workspace.id)
      .where(column, "=", name)
      .executeTakeFirst());
  if (!agent) throw new NotFound("agent", name);
  return agent;
}
