import type { Selectable } from "kysely";
import { newId } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { Conflict, InvalidInput } from "../errors.ts";
import type { Tables } from "../tables.ts";

export type List = Selectable<Tables["lists"]>;

/** Makes a list; names are unique in the workspace. Throws InvalidInput("name"), Conflict("name_taken") with the list that has it. */
export async function createList(ctx: Context, input: { name: string; id?: string }): Promise<List> {
  requireScope(ctx, "lists:write");
  const name = input.name.trim();
  if (name === "") throw InvalidInput.of("name", "empty", "The name must not be blank.");
  const now = ctx.clock.now();
  const list = await ctx.db.kysely
    .insertInto("lists")
    .values({ workspace_id: ctx.workspace.id, id: input.id ?? newId(), name, created_at: now, updated_at: now })
    .onConflict((conflict) => conflict.columns(["workspace_id", "name"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (list) return list;
  const taken = await ctx.db.kysely
    .selectFrom("lists")
    .select("id")
    .where("workspace_id", "=", ctx.workspace.id)
    .where("name", "=", name)
    .executeTakeFirst();
  throw new Conflict("name_taken", `A list named ${name} exists already.`, taken?.id);
}
