import { createAgent } from "../../src/core/agents/createAgent.ts";
import type { Call } from "../../src/core/calls/row.ts";
import { addPhoneNumber } from "../../src/core/phone-numbers/addPhoneNumber.ts";
import { type PlaceCall, placeCall } from "../../src/engine/placeCall.ts";
import { newId } from "../../src/platform/ids.ts";
import { until } from "../support/until.ts";
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

/** Waits until every call of the tenant has ended, and returns them. */
export const allEnded = (tenant: CallingTenant): Promise<Call[]> =>
  until(
    async () => {
      const calls = await tenant.calls();
      return calls.every(({ status }) => status === "ended") ? calls : undefined;
    },
    { what: "the end of every call", withinMs: 30_000 },
  );

/** As if somebody had been heard for so long without a gap. */
export async function hearingFor(db: Pick<World["house"]["db"]["pool"], "query">, seconds: number): Promise<void> {
  await db.query(
    `insert into hearing (since, heard_at) values (now() - make_interval(secs => $1), now())
      on conflict (one) do update set since = excluded.since, heard_at = excluded.heard_at`,
    [seconds],
  );
}

/** A call as the store gives it. */
export const sampleCall = (fields: Partial<Call> = {}): Call => ({
  workspace_id: newId(),
  id: newId(),
  number: 1001,
  agent_id: newId(),
  agent_version: 1,
  lead_id: null,
  campaign_contact_id: null,
  direction: "outbound",
  from_number: FROM,
  to_number: "+972501234567",
  status: "ringing",
  outcome: null,
  answered_by: null,
  ended_by: null,
  disconnect_reason: null,
  error: null,
  dnc_entry_id: null,
  dnc_reason: null,
  variables: {},
  metadata: {},
  transcript: [],
  created_at: new Date(),
  expires_at: null,
  started_at: null,
  answered_at: null,
  ended_at: null,
  updated_at: new Date(),
  trunk_id: null,
  rang_at: null,
  sip_status: null,
  sip_reason: null,
  q850_cause: null,
  media_quality: null,
  transferred_at: null,
  transfer_target: null,
  ...fields,
});
