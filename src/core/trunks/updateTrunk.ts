import { sql } from "kysely";
import { sqlState } from "../../platform/postgres/database.ts";
import type { House } from "../context.ts";
import { Conflict, InvalidInput, NotFound } from "../errors.ts";
import type { TrunkSettings } from "./fields.ts";
import { findTrunk } from "./findTrunk.ts";
import { notifyTrunk } from "./notifyTrunk.ts";
import { readTrunkSettings } from "./readTrunkSettings.ts";
import { TRUNK_COLUMNS } from "./rows.ts";
import type { Trunk } from "./trunk.ts";
import { trunkIssues } from "./trunkIssues.ts";

const UNIQUE_VIOLATION = "23505";

/**
 * Changes what is given of a trunk, and counts its version; calls under way are not touched. A username that is taken away takes
 * its password along. Throws NotFound("trunk"), InvalidInput with all that is wrong or when there is nothing to change,
 * Conflict("name_taken").
 */
export async function updateTrunk(house: House, nameOrId: string, changes: Partial<TrunkSettings>): Promise<Trunk> {
  const { fields, issues } = readTrunkSettings(changes.username === null ? { ...changes, password: null } : changes);
  if (Object.keys(fields).length === 0) throw InvalidInput.of([], "nothing_to_change", "There is nothing to change.");
  const found = await findTrunk(house.db.kysely, nameOrId);
  if (!found) throw new NotFound("trunk", nameOrId);
  try {
    return await house.db.transaction(async (tx) => {
      // Locked, so that of two changes at once the second is checked against what the first left.
      const before = await tx
        .selectFrom("trunks")
        .select(["username", "register", sql<boolean>`password is not null`.as("hasPassword")])
        .where("id", "=", found.id)
        .forUpdate()
        .executeTakeFirst();
      if (!before) throw new NotFound("trunk", nameOrId);
      const { password, gateways, ...others } = fields;
      const hasPassword = password === undefined ? before.hasPassword : password !== null;
      const across = trunkIssues({ ...before, ...others, hasPassword });
      if (issues.length + across.length > 0) throw new InvalidInput([...issues, ...across]);
      const trunk = await tx
        .updateTable("trunks")
        .set({
          ...others,
          ...(gateways ? { gateways: JSON.stringify(gateways) } : {}),
          ...(password === undefined ? {} : { password: password === null ? null : house.secrets.seal(password) }),
          version: sql<number>`version + 1`,
          updated_at: house.clock.now(),
        })
        .where("id", "=", found.id)
        .returning(TRUNK_COLUMNS)
        .executeTakeFirstOrThrow();
      await notifyTrunk(tx, trunk.id);
      return trunk;
    });
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw new Conflict("name_taken", `There is a trunk ${fields.name} already.`);
    throw error;
  }
}
