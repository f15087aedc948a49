import { sql } from "kysely";
import { isUuid } from "../../platform/ids.ts";
import type { House } from "../context.ts";
import { TRUNK_COLUMNS } from "./rows.ts";
import type { Trunk } from "./trunk.ts";

/** By id or name, small and capital letters alike; undefined when there is none. */
export function findTrunk(db: Pick<House["db"]["kysely"], "selectFrom">, nameOrId: string): Promise<Trunk | undefined> {
  return db
    .selectFrom("trunks")
    .select(TRUNK_COLUMNS)
    .where(isUuid(nameOrId) ? sql<boolean>`id = ${nameOrId}` : sql<boolean>`lower(name) = lower(${nameOrId.trim()})`)
    .executeTakeFirst();
}
