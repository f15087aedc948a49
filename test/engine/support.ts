import { createAgent } from "../../src/core/agents/createAgent.ts";
import type { Call } from "../../src/core/calls/row.ts";
import { addPhoneNumber } from "../../src/core/phone-numbers/addPhoneNumber.ts";
import { type PlaceCall, placeCall } from "../../src/engine/placeCall.ts";
import type { Tenant, World } from "../support/world.ts";

export const FROM = "+972551234567";

/** A tenant that can place calls. */
export interface CallingTenant extends Tenant {
  agentId: string;
  place(to: string, more?: Partial<PlaceCall>): ReturnType<typeof placeCall>;
  /** The tenant's calls, oldest first. */
  calls(): Promise<Call[]>;
  setLimit(limit: number): Promise<void>;
}

export async function callingTenant(
  world: World,
  options: { callLimit?: number; agent?: Partial<Parameters<typeof createAgent>[1]["settings"]> } = {},
): Promise<CallingTenant> {
  const tenant = await world.tenant(options.callLimit === undefined ? {} : { callLimit: options.callLimit });
  const { agent } = await createAgent(tenant.ctx, {
    settings: { name: "Noa", system_prompt: "Be kind.", language: "en", greeting_message: "Hello {{LeadName}}!", ...options.agent },
  });
  await addPhoneNumber(tenant.ctx, { phone: FROM });
  return {
    ...tenant,
    agentId: agent.id,
    place: (to, more = {}) => placeCall(tenant.ctx, { agentId: agent.id, to, from: FROM, ...more }),
    async calls() {
      const { rows } = await world.house.db.pool.query<Call>("select * from calls where workspace_id = $1 order by number", [
        tenant.workspace.id,
      ]);
      return rows;
    },
    async setLimit(limit) {
      await world.house.db.pool.query("update workspaces set call_limit = $2 where id = $1", [tenant.workspace.id, limit]);
    },
  };
}

/** Waits until `probe` gives something, and returns it. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false>, withinMs = 15_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until every call of the tenant has ended, and returns them. */
export const allEnded = (tenant: CallingTenant): Promise<Call[]> =>
  eventually("every call has ended", async () => {
    const calls = await tenant.calls();
    return calls.every(({ status }) => status === "ended") ? calls : undefined;
  });
