import { type Context, requireScope } from "../context.ts";
import type { Campaign } from "./campaign.ts";

/** Every campaign of the workspace, newest first. */
export function listCampaigns(ctx: Context): Promise<Campaign[]> {
  requireScope(ctx, "campaigns:read");
  return ctx.db.kysely.selectFrom("campaigns").selectAll().where("workspace_id", "=", ctx.workspace.id).orderBy("number", "desc").execute();
}
