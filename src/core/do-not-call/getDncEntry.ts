import { toE164 } from "../../platform/phone.ts";
import { type Context, requireScope } from "../context.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import type { DncEntryView } from "./dnc-entry.ts";
import { viewDncEntries } from "./viewDncEntries.ts";

/** An entry by its id, or by its number in any form that `toE164` reads. Throws NotFound("dnc_entry"), InvalidInput("phone"). */
export async function getDncEntry(ctx: Context, by: { id: string } | { phone: string }): Promise<DncEntryView> {
  requireScope(ctx, "do_not_call:read");
  const phone = "phone" in by ? toE164(by.phone, ctx.workspace.country) : undefined;
  if ("phone" in by && !phone) throw InvalidInput.of("phone", "invalid_phone_number", "phone cannot be read as a phone number.");
  const entry = await ctx.db.kysely
    .selectFrom("dnc_entries")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .$if("id" in by, (query) => query.where("id", "=", "id" in by ? by.id : ""))
    .$if(phone !== undefined, (query) => query.where("phone", "=", phone ?? ""))
    .executeTakeFirst();
  if (!entry) throw new NotFound("dnc_entry", "id" in by ? by.id : by.phone);
  const [view] = await viewDncEntries(ctx.db.pool, [entry]);
  return view as DncEntryView;
}
