import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";
import type { DncEntryView } from "./dnc-entry.ts";
import { viewDncEntries } from "./viewDncEntries.ts";

/** An entry by its id, or by its number (E.164). Throws NotFound("dnc_entry"). */
export async function getDncEntry(ctx: Context, by: { id: string } | { phone: string }): Promise<DncEntryView> {
  requireScope(ctx, "do_not_call:read");
  const [column, value] = "id" in by ? (["id", by.id] as const) : (["phone", by.phone] as const);
  const entry = await ctx.db.kysely
    .selectFrom("dnc_entries")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where(column, "=", value)
    .executeTakeFirst();
  if (!entry) throw new NotFound("dnc_entry", value);
  const [view] = await viewDncEntries(ctx.db.pool, [entry]);
  return view as DncEntryView;
}
