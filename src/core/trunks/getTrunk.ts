import type { House } from "../context.ts";
import { NotFound } from "../errors.ts";
import { findTrunk } from "./findTrunk.ts";
import type { TrunkView } from "./trunk-view.ts";
import { type TrunkNumber, trunkNumbers } from "./trunkNumbers.ts";
import { viewTrunks } from "./viewTrunks.ts";

/** One trunk with its numbers, by name or id; for the operator. Throws NotFound("trunk"). */
export async function getTrunk(house: Pick<House, "db">, nameOrId: string): Promise<TrunkView & { numbers: TrunkNumber[] }> {
  const trunk = await findTrunk(house.db.kysely, nameOrId);
  const [view] = trunk ? await viewTrunks(house, [trunk]) : [];
  if (!view) throw new NotFound("trunk", nameOrId);
  return { ...view, numbers: await trunkNumbers(house.db.kysely, view.id) };
}
