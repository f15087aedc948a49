import { addPhoneNumber } from "../../src/core/phone-numbers/addPhoneNumber.ts";
import { addTrunk } from "../../src/core/trunks/addTrunk.ts";
import { updateTrunk } from "../../src/core/trunks/updateTrunk.ts";
import { newId } from "../../src/platform/ids.ts";
import type { World } from "../support/world.ts";
import type { CallingTenant } from "./support.ts";

export interface TestTrunk {
  id: string;
  setLimit(limit: number | null): Promise<void>;
  /** Channels that the database counts, and those that live calls hold. */
  channels(): Promise<{ in_use: number; held: number }>;
}

export async function testTrunk(world: World, maxChannels: number | null): Promise<TestTrunk> {
  const { house } = world;
  const { id } = await addTrunk(house, {
    name: `trunk ${newId()}`,
    gateways: ["udp:sip.example.com:5060"],
    maxChannels,
  });
  return {
    id,
    async setLimit(limit) {
      await updateTrunk(house, id, { maxChannels: limit });
    },
    async channels() {
      const { rows } = await house.db.pool.query<{ in_use: number; held: number }>(
        `select in_use, (select count(*) from live_calls l where l.trunk_id = c.trunk_id and l.holds_channel) as held
         from trunk_capacity c where trunk_id = $1`,
        [id],
      );
      return rows[0] ?? { in_use: Number.NaN, held: Number.NaN };
    },
  };
}

let counter = 1_000_000;

/** Gives a tenant a number on a trunk. */
export async function numberOn(trunk: TestTrunk, tenant: CallingTenant, inboundAgentId: string | null = null): Promise<string> {
  const { phone } = await addPhoneNumber(tenant.ctx, { phone: `+49151${counter++}0`, trunkId: trunk.id, inboundAgentId });
  return phone;
}
