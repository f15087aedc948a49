import { type Context, requireScope } from "../context.ts";
import type { DncEntryView } from "./dnc-entry.ts";
import { viewDncEntries } from "./viewDncEntries.ts";

/** Every entry of the workspace, most recent first, expired ones too: a blocked number must not hide on a later page. */
export async function listDncEntries(ctx: Context): Promise<DncEntryView[]> {
  requireScope(ctx, "do_not_call:read");
  const entries = await ctx.db.kysely
    .selectFrom("dnc_entries")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .execute();
  return viewDncEntries(ctx.db.pool, entries);
}
