import { newId } from "../../platform/ids.ts";
import { countryOf, toE164 } from "../../platform/phone.ts";
import { type Context, requireScope } from "../context.ts";
import { Conflict, InvalidInput } from "../errors.ts";
import type { PhoneNumber } from "./phone-number.ts";

export interface AddPhoneNumber {
  /** In any form that `toE164` reads. */
  phone: string;
  friendlyName?: string | null;
  id?: string;
}

/** Gives the workspace a number to call from. Throws InvalidInput("phone"), Conflict("number_taken") with the one that is there. */
export async function addPhoneNumber(ctx: Context, input: AddPhoneNumber): Promise<PhoneNumber> {
  requireScope(ctx, "phone_numbers:write");
  const phone = toE164(input.phone, ctx.workspace.country);
  if (!phone) throw InvalidInput.of("phone", "invalid_phone_number", "The phone number cannot be read as an E.164 number.");
  const added = await ctx.db.kysely
    .insertInto("phone_numbers")
    .values({
      workspace_id: ctx.workspace.id,
      id: input.id ?? newId(),
      phone,
      friendly_name: input.friendlyName ?? null,
      country: countryOf(phone) ?? ctx.workspace.country,
      created_at: ctx.clock.now(),
    })
    .onConflict((conflict) => conflict.columns(["workspace_id", "phone"]).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (added) return added;
  const taken = await ctx.db.kysely
    .selectFrom("phone_numbers")
    .select("id")
    .where("workspace_id", "=", ctx.workspace.id)
    .where("phone", "=", phone)
    .executeTakeFirst();
  throw new Conflict("number_taken", `${phone} is a number of the workspace already.`, taken?.id);
}
