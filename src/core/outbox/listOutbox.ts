import { type Context, requireScope } from "../context.ts";
import type { OutboxMessage } from "./outbox.ts";

export interface OutboxFilter {
  channel?: OutboxMessage["channel"];
  status?: OutboxMessage["status"];
}

/** Messages to people, newest first. */
export function listOutbox(ctx: Context, filter: OutboxFilter, page: { limit: number; after?: string }): Promise<OutboxMessage[]> {
  requireScope(ctx, "conversations:read");
  const { channel, status } = filter;
  let query = ctx.db.kysely.selectFrom("outbox").selectAll().where("workspace_id", "=", ctx.workspace.id);
  if (channel) query = query.where("channel", "=", channel);
  if (status) query = query.where("status", "=", status);
  if (page.after !== undefined) query = query.where("id", "<", page.after);
  return query.orderBy("id", "desc").limit(page.limit).execute();
}
