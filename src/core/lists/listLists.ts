import { type Context, requireScope } from "../context.ts";
import type { List } from "./createList.ts";

export interface CountedList extends List {
  lead_count: number;
}

/** Lists of the workspace, newest first, with how many leads are on each. */
export function listLists(ctx: Context, page: { limit: number; after?: string }): Promise<CountedList[]> {
  requireScope(ctx, "lists:read");
  return ctx.db.kysely
    .selectFrom("lists")
    .selectAll("lists")
    .select((select) =>
      select
        .selectFrom("list_members")
        .whereRef("list_members.workspace_id", "=", "lists.workspace_id")
        .whereRef("list_members.list_id", "=", "lists.id")
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .$asScalar()
        .$notNull()
        .as("lead_count"),
    )
    .where("workspace_id", "=", ctx.workspace.id)
    .$if(page.after !== undefined, (query) => query.where("lists.id", "<", page.after ?? ""))
    .orderBy("lists.id", "desc")
    .limit(page.limit)
    .execute();
}
