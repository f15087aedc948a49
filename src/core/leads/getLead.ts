import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { LeadView } from "./lead.ts";
import { viewLeads } from "./viewLeads.ts";

/** Throws NotFound("lead"). */
export async function getLead(ctx: Context, id: string): Promise<LeadView> {
  requireScope(ctx, "leads:read");
  const lead = await ctx.db.kysely
    .selectFrom("leads")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("id", "=", id)
    .executeTakeFirst();
  if (!lead) throw new NotFound("lead", id);
  const [view] = await viewLeads(ctx.db.pool, [lead]);
  return view as LeadView;
}
