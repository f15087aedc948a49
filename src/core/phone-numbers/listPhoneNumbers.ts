import { type Context, requireScope } from "../context.ts";
import type { PhoneNumber } from "./phone-number.ts";

/** Every number of the workspace, in the order in which they were added. */
export function listPhoneNumbers(ctx: Context): Promise<PhoneNumber[]> {
  requireScope(ctx, "phone_numbers:read");
  return ctx.db.kysely.selectFrom("phone_numbers").selectAll().where("workspace_id", "=", ctx.workspace.id).orderBy("number").execute();
}
