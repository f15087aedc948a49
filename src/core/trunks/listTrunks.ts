import type { House } from "../context.ts";
import { TRUNK_COLUMNS } from "./rows.ts";
import type { TrunkView } from "./trunk-view.ts";
import { viewTrunks } from "./viewTrunks.ts";

/** Every trunk of the installation, oldest first; for the operator. */
export async function listTrunks(house: Pick<House, "db">): Promise<TrunkView[]> {
  return viewTrunks(house, await house.db.kysely.selectFrom("trunks").select(TRUNK_COLUMNS).orderBy("id").execute());
}
