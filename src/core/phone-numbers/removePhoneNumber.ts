import { sql } from "kysely";
import { type Context, requireScope } from "../context.ts";
import { Conflict, NotFound } from "../errors.ts";
import { numberNamed } from "./numberNamed.ts";
import type { PhoneNumber } from "./phone-number.ts";

/**
 * Takes a number from the workspace, named by its id or the phone number itself, and out of the number pools of campaigns that
 * do not run. Calls keep their history. Throws NotFound("phone_number"), Conflict("in_use") while a running campaign calls from it.
 */
export async function removePhoneNumber(ctx: Context, name: string): Promise<PhoneNumber> {
  requireScope(ctx, "phone_numbers:write");
  const { column, value } = numberNamed(ctx, name);
  return ctx.db.transaction(async (tx) => {
    // A campaign that is being made with it holds a share of this lock until it is seen below.
    const number = await tx
      .selectFrom("phone_numbers")
      .selectAll()
      .where("workspace_id", "=", ctx.workspace.id)
      .where(column, "=", value)
      .forUpdate()
      .executeTakeFirst();
    if (!number) throw new NotFound("phone_number", name);
    const campaigns = await tx
      .updateTable("campaigns")
      .set({ phone_number_ids: sql<string[]>`array_remove(phone_number_ids, ${number.id}::uuid)` })
      .where("workspace_id", "=", ctx.workspace.id)
      .where(sql<boolean>`${number.id}::uuid = any (phone_number_ids)`)
      .returning(["name", "number", "status"])
      .execute();
    const running = campaigns.filter(({ status }) => status === "running");
    if (running.length > 0) {
      const named = running.map((campaign) => `${campaign.name} (${campaign.number})`).join(", ");
      throw new Conflict("in_use", `${number.phone} is what running campaigns call from: ${named}. Stop them first.`);
    }
    if (number.trunk_id !== null) {
      await tx.deleteFrom("trunk_numbers").where("trunk_id", "=", number.trunk_id).where("phone", "=", number.phone).execute();
    }
    await tx.deleteFrom("phone_numbers").where("workspace_id", "=", ctx.workspace.id).where("id", "=", number.id).execute();
    return number;
  });
}
