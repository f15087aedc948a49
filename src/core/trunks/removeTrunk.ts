import type { House } from "../context.ts";
import { Conflict, NotFound } from "../errors.ts";
import { findTrunk } from "./findTrunk.ts";
import { notifyTrunk } from "./notifyTrunk.ts";
import type { Trunk } from "./trunk.ts";
import { type TrunkNumber, trunkNumbers } from "./trunkNumbers.ts";

export interface RemovedTrunk {
  trunk: Pick<Trunk, "id" | "name">;
  /** That were on it; calls from them go to the simulated carrier from now on. */
  numbers: TrunkNumber[];
}

/**
 * Removes a trunk, for the operator. Calls keep their history. Throws NotFound("trunk"), and Conflict("in_use") while numbers
 * are on it, unless `takeNumbersOff`.
 */
export async function removeTrunk(house: House, nameOrId: string, options: { takeNumbersOff?: boolean } = {}): Promise<RemovedTrunk> {
  const found = await findTrunk(house.db.kysely, nameOrId);
  if (!found) throw new NotFound("trunk", nameOrId);
  return house.db.transaction(async (tx) => {
    // A number that is being put on it holds a share of this lock until it is seen below.
    const trunk = await tx.selectFrom("trunks").select(["id", "name"]).where("id", "=", found.id).forUpdate().executeTakeFirst();
    if (!trunk) throw new NotFound("trunk", nameOrId);
    const numbers = await trunkNumbers(tx, trunk.id);
    if (numbers.length > 0 && !options.takeNumbersOff) throw new Conflict("in_use", inUse(trunk.name, numbers));
    await tx.updateTable("phone_numbers").set({ trunk_id: null }).where("trunk_id", "=", trunk.id).execute();
    await tx.deleteFrom("trunk_numbers").where("trunk_id", "=", trunk.id).execute();
    await tx.deleteFrom("trunks").where("id", "=", trunk.id).execute();
    await notifyTrunk(tx, trunk.id);
    return { trunk, numbers };
  });
}

const NAMED = 10;

function inUse(name: string, numbers: readonly TrunkNumber[]): string {
  const named = numbers.slice(0, NAMED).map(({ phone, workspace_name }) => `${phone} (${workspace_name})`);
  const more = numbers.length > NAMED ? ` and ${numbers.length - NAMED} more` : "";
  return `The trunk ${name} has ${numbers.length === 1 ? "a number" : "numbers"} on it: ${named.join(", ")}${more}.`;
}
