import { isUuid } from "../../platform/ids.ts";
import { toE164 } from "../../platform/phone.ts";
import type { Context } from "../context.ts";
import { NotFound } from "../errors.ts";

/** How a number is named, as a condition: its id, or the phone number in any form that `toE164` reads. Throws NotFound. */
export function numberNamed(ctx: Context, name: string): { column: "id" | "phone"; value: string } {
  if (isUuid(name)) return { column: "id", value: name };
  const phone = toE164(name, ctx.workspace.country);
  if (!phone) throw new NotFound("phone_number", name);
  return { column: "phone", value: phone };
}
