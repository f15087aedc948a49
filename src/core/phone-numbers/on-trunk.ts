import type { Transaction } from "kysely";
import type { Context } from "../context.ts";
import { Conflict, Forbidden, NotFound } from "../errors.ts";
import type { Tables } from "../tables.ts";

/** Trunks are the installation's: whoever could put a number on one could take another workspace's calls. Throws Forbidden. */
export function requireOperator(ctx: Context): void {
  if (ctx.actor.keyId !== null) throw new Forbidden("scope", "trunks");
}

/** Keeps the trunk from being removed until the transaction is over. Throws NotFound("trunk"). */
export async function holdTrunk(tx: Transaction<Tables>, trunkId: string): Promise<void> {
  const trunk = await tx.selectFrom("trunks").select("id").where("id", "=", trunkId).forKeyShare().executeTakeFirst();
  if (!trunk) throw new NotFound("trunk", trunkId);
}

/** Makes calls that the trunk hands us for the number the workspace's. Throws Conflict("number_taken"). */
export async function claimOnTrunk(
  tx: Transaction<Tables>,
  trunkId: string,
  number: { workspace_id: string; id: string; phone: string },
): Promise<void> {
  const claimed = await tx
    .insertInto("trunk_numbers")
    .values({ trunk_id: trunkId, phone: number.phone, workspace_id: number.workspace_id, phone_number_id: number.id })
    .onConflict((conflict) => conflict.columns(["trunk_id", "phone"]).doNothing())
    .returning("phone")
    .executeTakeFirst();
  // Whose it is, is not for this workspace to know.
  if (!claimed) throw new Conflict("number_taken", `${number.phone} is on that trunk already, in another workspace.`);
}
