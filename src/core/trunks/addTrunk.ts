import { newId } from "../../platform/ids.ts";
import { sqlState } from "../../platform/postgres/database.ts";
import type { House } from "../context.ts";
import { Conflict, InvalidInput } from "../errors.ts";
import type { TrunkFields, TrunkSettings } from "./fields.ts";
import { notifyTrunk } from "./notifyTrunk.ts";
import { readTrunkSettings } from "./readTrunkSettings.ts";
import { TRUNK_COLUMNS } from "./rows.ts";
import type { Trunk } from "./trunk.ts";
import { trunkIssues } from "./trunkIssues.ts";

const DEFAULTS: Omit<TrunkFields, "name" | "gateways"> = {
  domain: null,
  username: null,
  password: null,
  register: false,
  codecs: ["PCMA", "PCMU"],
  caller_id: "e164",
  srtp: "off",
  max_channels: null,
  calls_per_second: null,
  inbound_networks: [],
};

const UNIQUE_VIOLATION = "23505";

/**
 * Adds a way to the telephone network, for the operator; its password is kept sealed.
 * Throws InvalidInput with all that is wrong, Conflict("name_taken").
 */
export async function addTrunk(house: House, settings: TrunkSettings): Promise<Trunk> {
  const { fields, issues } = readTrunkSettings(settings);
  const { name = "", gateways = [], password, ...others } = { ...DEFAULTS, ...fields };
  const across = trunkIssues({ ...others, hasPassword: password !== null });
  if (issues.length + across.length > 0) throw new InvalidInput([...issues, ...across]);
  const now = house.clock.now();
  try {
    return await house.db.transaction(async (tx) => {
      const trunk = await tx
        .insertInto("trunks")
        .values({
          ...others,
          id: newId(),
          name,
          gateways: JSON.stringify(gateways),
          password: password === null ? null : house.secrets.seal(password),
          created_at: now,
          updated_at: now,
        })
        .returning(TRUNK_COLUMNS)
        .executeTakeFirstOrThrow();
      await tx.insertInto("trunk_capacity").values({ trunk_id: trunk.id }).execute();
      await notifyTrunk(tx, trunk.id);
      return trunk;
    });
  } catch (error) {
    if (sqlState(error) === UNIQUE_VIOLATION) throw new Conflict("name_taken", `There is a trunk ${name} already.`);
    throw error;
  }
}
