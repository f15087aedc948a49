import { newId } from "../../platform/ids.ts";
import { countryOf, toE164 } from "../../platform/phone.ts";
import { type Context, requireScope } from "../context.ts";
import { Conflict, InvalidInput } from "../errors.ts";
import { checkNumberSettings } from "./checkNumberSettings.ts";
import { claimOnTrunk, holdTrunk, requireOperator } from "./on-trunk.ts";
import type { PhoneNumber } from "./phone-number.ts";

export interface AddPhoneNumber {
  /** In any form that `toE164` reads. */
  phone: string;
  friendlyName?: string | null;
  id?: string;
  /** For the operator only. Null: the simulated carrier. */
  trunkId?: string | null;
  /** Answers calls to it. */
  inboundAgentId?: string | null;
  /** Suggested for calls from it. */
  outboundAgentId?: string | null;
}

/**
 * Gives the workspace a number to call from and be called at. Throws InvalidInput("phone" | "friendlyName" | "inboundAgentId" | "outboundAgentId"),
 * NotFound("trunk"), Conflict("number_taken") with the one that is there, or without when another workspace has it on that trunk.
 */
export async function addPhoneNumber(ctx: Context, input: AddPhoneNumber): Promise<PhoneNumber> {
  requireScope(ctx, "phone_numbers:write");
  const trunkId = input.trunkId ?? null;
  if (trunkId !== null) requireOperator(ctx);
  const phone = toE164(input.phone, ctx.workspace.country);
  if (!phone) throw InvalidInput.of("phone", "invalid_phone_number", "The phone number cannot be read as an E.164 number.");
  return ctx.db.transaction(async (tx) => {
    if (trunkId !== null) await holdTrunk(tx, trunkId);
    await checkNumberSettings(tx, ctx.workspace.id, input);
    const added = await tx
      .insertInto("phone_numbers")
      .values({
        workspace_id: ctx.workspace.id,
        id: input.id ?? newId(),
        phone,
        friendly_name: input.friendlyName ?? null,
        country: countryOf(phone) ?? ctx.workspace.country,
        inbound_agent_id: input.inboundAgentId ?? null,
        outbound_agent_id: input.outboundAgentId ?? null,
        created_at: ctx.clock.now(),
        trunk_id: trunkId,
      })
      .onConflict((conflict) => conflict.columns(["workspace_id", "phone"]).doNothing())
      .returningAll()
      .executeTakeFirst();
    if (added) {
      if (trunkId !== null) await claimOnTrunk(tx, trunkId, added);
      return added;
    }
    const taken = await tx
      .selectFrom("phone_numbers")
      .select("id")
      .where("workspace_id", "=", ctx.workspace.id)
      .where("phone", "=", phone)
      .executeTakeFirst();
    throw new Conflict("number_taken", `${phone} is a number of the workspace already.`, taken?.id);
  });
}
