import { uidRange } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { Conversation } from "./conversation.ts";

export interface ConversationFilter {
  /** Only those of the lead with this uid. */
  leadUid?: string;
  /** Only those that the business has not read. */
  unread?: boolean;
}

/** Conversations of the workspace, newest first. Throws NotFound("lead"). */
export async function listConversations(
  ctx: Context,
  filter: ConversationFilter,
  page: { limit: number; offset: number },
): Promise<Conversation[]> {
  requireScope(ctx, "conversations:read");
  let query = ctx.db.kysely.selectFrom("conversations").selectAll().where("workspace_id", "=", ctx.workspace.id);
  if (filter.leadUid !== undefined) query = query.where("lead_id", "=", await leadOf(ctx, filter.leadUid));
  if (filter.unread) query = query.where("business_unread", "=", true);
  return query.orderBy("id", "desc").limit(page.limit).offset(page.offset).execute();
}

async function leadOf(ctx: Context, uid: string): Promise<string> {
  const range = uidRange(uid);
  if (!range) throw new NotFound("lead", uid);
  const lead = await ctx.db.kysely
    .selectFrom("leads")
    .select("id")
    .where("workspace_id", "=", ctx.workspace.id)
    .where("id", ">=", range.from)
    .where("id", "<=", range.to)
    .executeTakeFirst();
  if (!lead) throw new NotFound("lead", uid);
  return lead.id;
}
