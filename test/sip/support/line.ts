import { createAgent } from "../../../src/core/agents/createAgent.ts";
import type { AgentChanges } from "../../../src/core/agents/settings.ts";
import type { Call } from "../../../src/core/calls/row.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { addTrunk } from "../../../src/core/trunks/addTrunk.ts";
import type { TrunkSettings } from "../../../src/core/trunks/fields.ts";
import type { Trunk } from "../../../src/core/trunks/trunk.ts";
import { placeCall } from "../../../src/engine/placeCall.ts";
import { hurry } from "../../../src/platform/hurry.ts";
import type { Log } from "../../../src/platform/log.ts";
import type { Role } from "../../../src/roles.ts";
import { until } from "../../support/until.ts";
import { startWorld, TEST_MASTER_KEY, type Tenant, type World } from "../../support/world.ts";
import { freePort } from "./ports.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** The whole product with a SIP port of its own on loopback. */
export interface Line {
  world: World;
  /** Where it listens, UDP and TCP. */
  sipPort: number;
  /** For commands and processes over the same store. */
  environment: Record<string, string>;
  /** A tenant with an agent, and a number on a trunk of its own. */
  subscriber(options: SubscriberOptions): Promise<Subscriber>;
}

export interface SubscriberOptions {
  trunk: Partial<TrunkSettings> & Pick<TrunkSettings, "gateways">;
  agent?: Partial<AgentChanges>;
  callLimit?: number;
}

export interface Subscriber extends Tenant {
  trunk: Trunk;
  agentId: string;
  /** Its number; the agent answers there. */
  number: string;
  place(to?: string, variables?: Record<string, string>): Promise<string>;
  /** Waits for the call's end. */
  ended(callId: string, withinMs?: number): Promise<Call>;
  becomes(callId: string, status: Call["status"], withinMs?: number): Promise<Call>;
  calls(): Promise<Call[]>;
}

let subscribers = 0;

export interface LineOptions {
  /** All of them when not said. */
  roles?: readonly Role[];
  log?: Log;
}

export async function startLine(environment: Record<string, string> = {}, options: LineOptions = {}): Promise<Line> {
  // As the voice process does; the telephones that we start inherit it.
  hurry();
  const sipPort = await freePort();
  // Below those that the system gives to others.
  const rtp = 20_000 + 2 * Math.floor(Math.random() * 5_300);
  const world = await startWorld({
    roles: ["api", "dispatcher", "voice", "jobs"],
    ...options,
    environment: {
      SIP_LISTEN: `udp:127.0.0.1:${sipPort},tcp:127.0.0.1:${sipPort}`,
      RTP_PORTS: `${rtp}-${rtp + 1_999}`,
      RECORDINGS_DIR: temporaryFolder(),
      ...environment,
    },
  });
  const { host, database, user } = world.connection;
  return {
    world,
    sipPort,
    environment: {
      ...environment,
      DATABASE_URL: `postgres:///${database}?host=${encodeURIComponent(String(host))}&user=${user}`,
      DATA_DIR: temporaryFolder(),
      MASTER_KEY: TEST_MASTER_KEY,
    },
    subscriber: (subscription) => subscribe(world, subscription),
  };
}

async function subscribe(world: World, { trunk: settings, agent: changes = {}, callLimit = 50 }: SubscriberOptions): Promise<Subscriber> {
  const { pool } = world.house.db;
  const tenant = await world.tenant({ callLimit });
  const { agent } = await createAgent(tenant.ctx, {
    settings: {
      name: "Noa",
      system_prompt: "Be kind.",
      language: "en",
      greeting_message: "Hello {{LeadName}}, this is the clinic.",
      silence_timeout_secs: 30,
      ...changes,
    },
  });
  subscribers++;
  const number = `+97255${1_000_000 + subscribers}`;
  const trunk = await addTrunk(world.house, { name: `trunk of ${number}`, ...settings });
  await addPhoneNumber(tenant.ctx, { phone: number, trunkId: trunk.id, inboundAgentId: agent.id });
  const calls = async () =>
    (await pool.query<Call>("select * from calls where workspace_id = $1 order by number", [tenant.workspace.id])).rows;
  const becomes = (callId: string, status: Call["status"], withinMs = 20_000) =>
    until(async () => (await calls()).find((call) => call.id === callId && call.status === status), {
      what: `a call that is ${status}`,
      withinMs,
    });
  return {
    ...tenant,
    trunk,
    agentId: agent.id,
    number,
    calls,
    becomes,
    async place(to = "+972501234567", variables = { LeadName: "Dana" }) {
      const { call } = await placeCall(tenant.ctx, { agentId: agent.id, to, from: number, variables });
      return call.id;
    },
    ended: (callId, withinMs) => becomes(callId, "ended", withinMs),
  };
}
