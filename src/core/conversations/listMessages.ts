import { uidRange } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { Conversation, Message } from "./conversation.ts";

/** A conversation with a page of its messages, oldest first. Throws NotFound("conversation"). */
export async function listMessages(
  ctx: Context,
  conversationUid: string,
  page: { limit: number; offset: number },
): Promise<{ conversation: Conversation; messages: Message[] }> {
  requireScope(ctx, "conversations:read");
  const range = uidRange(conversationUid);
  if (!range) throw new NotFound("conversation", conversationUid);
  const conversation = await ctx.db.kysely
    .selectFrom("conversations")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("id", ">=", range.from)
    .where("id", "<=", range.to)
    .executeTakeFirst();
  if (!conversation) throw new NotFound("conversation", conversationUid);
  const messages = await ctx.db.kysely
    .selectFrom("messages")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("conversation_id", "=", conversation.id)
    .orderBy("id")
    .limit(page.limit)
    .offset(page.offset)
    .execute();
  return { conversation, messages };
}
