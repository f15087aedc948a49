import { type Context, requireScope } from "../context.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import { checkNumberSettings } from "./checkNumberSettings.ts";
import { numberNamed } from "./numberNamed.ts";
import { claimOnTrunk, holdTrunk, requireOperator } from "./on-trunk.ts";
import type { PhoneNumber } from "./phone-number.ts";

/** What is not in here stays as it is. */
export interface PhoneNumberChanges {
  friendlyName?: string | null;
  isActive?: boolean;
  /** For the operator only. Null: the simulated carrier. */
  trunkId?: string | null;
  inboundAgentId?: string | null;
  outboundAgentId?: string | null;
}

/**
 * Changes a number, named by its id or the phone number itself. Throws NotFound("phone_number" | "trunk"),
 * InvalidInput("friendlyName" | "inboundAgentId" | "outboundAgentId", or nothing to change), Conflict("number_taken").
 */
export async function updatePhoneNumber(ctx: Context, name: string, changes: PhoneNumberChanges): Promise<PhoneNumber> {
  requireScope(ctx, "phone_numbers:write");
  const { trunkId } = changes;
  if (trunkId !== undefined) requireOperator(ctx);
  if (Object.values(changes).every((value) => value === undefined)) {
    throw InvalidInput.of([], "nothing_to_change", "There is nothing to change.");
  }
  const { column, value } = numberNamed(ctx, name);
  return ctx.db.transaction(async (tx) => {
    // The trunk before the number, as a trunk's removal locks them.
    if (trunkId != null) await holdTrunk(tx, trunkId);
    const before = await tx
      .selectFrom("phone_numbers")
      .selectAll()
      .where("workspace_id", "=", ctx.workspace.id)
      .where(column, "=", value)
      .forUpdate()
      .executeTakeFirst();
    if (!before) throw new NotFound("phone_number", name);
    await checkNumberSettings(tx, ctx.workspace.id, changes);
    const after = await tx
      .updateTable("phone_numbers")
      .set({
        ...(changes.friendlyName !== undefined ? { friendly_name: changes.friendlyName } : {}),
        ...(changes.isActive !== undefined ? { is_active: changes.isActive } : {}),
        ...(changes.inboundAgentId !== undefined ? { inbound_agent_id: changes.inboundAgentId } : {}),
        ...(changes.outboundAgentId !== undefined ? { outbound_agent_id: changes.outboundAgentId } : {}),
        trunk_id: trunkId === undefined ? before.trunk_id : trunkId,
      })
      .where("workspace_id", "=", ctx.workspace.id)
      .where("id", "=", before.id)
      .returningAll()
      .executeTakeFirstOrThrow();
    if (after.trunk_id !== before.trunk_id) {
      if (before.trunk_id !== null) {
        await tx.deleteFrom("trunk_numbers").where("trunk_id", "=", before.trunk_id).where("phone", "=", before.phone).execute();
      }
      if (after.trunk_id !== null) await claimOnTrunk(tx, after.trunk_id, after);
    }
    return after;
  });
}
