import { isIP, isIPv6 } from "node:net";
import type { House } from "../../../core/context.ts";
import { NotFound } from "../../../core/errors.ts";
import { findTrunk } from "../../../core/trunks/findTrunk.ts";
import { loadTrunks, type OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import { type Gateway, gatewayName } from "../../../core/trunks/trunk.ts";
import type { Log } from "../../../platform/log.ts";
import type { SipEndpoint } from "../endpoint.ts";
import { withBrackets } from "../transport/address.ts";
import type { UserAgent } from "../user-agent.ts";
import { adviceOn } from "./advice.ts";
import type { Verdict } from "./check-words.ts";
import { type LineParts, REAL_PARTS } from "./line.ts";
import { DEFAULT_TIMERS, type ListenAddress, type SipSettings, type SipTimers } from "./settings.ts";
import { sendOptions } from "./startKeepAlive.ts";
import { testRegistration } from "./testRegistration.ts";

export interface TrunkReport {
  ok: boolean;
  gateways: Array<{ gateway: string; checks: TrunkCheck[] }>;
}

export interface TrunkCheck {
  check: "resolve" | "options" | "registration";
  ok: boolean;
  /** What was found; what would mend it, when it is bad. */
  detail: string;
  tookMs: number;
}

export interface TestTrunkOptions {
  house: Pick<House, "db" | "secrets">;
  settings: SipSettings;
  log: Log;
  timers?: Partial<Pick<typeof DEFAULT_TIMERS, "optionsTimeoutMs" | "registerTimeoutMs">>;
  parts?: Pick<LineParts, "openAgent">;
}

/**
 * Talks to every gateway of a trunk, named by name or id, from ports of its own, so that a server that runs is not disturbed.
 * Throws NotFound("trunk").
 */
export async function testTrunk(options: TestTrunkOptions, nameOrId: string): Promise<TrunkReport> {
  const { house, settings, log, parts = REAL_PARTS } = options;
  const found = await findTrunk(house.db.kysely, nameOrId);
  const trunk = (await loadTrunks(house)).find(({ id }) => id === found?.id);
  if (!trunk) throw new NotFound("trunk", nameOrId);
  const agent = await parts.openAgent({ listen: portsFor(trunk), settings, log, incoming: (invite) => invite.reject(480) });
  try {
    const timers = { ...DEFAULT_TIMERS, ...options.timers };
    const gateways = await Promise.all(
      trunk.gateways.map(async (gateway) => ({
        gateway: gatewayName(gateway),
        checks: await testGateway(house, agent, trunk, gateway, timers),
      })),
    );
    return { ok: gateways.every(({ checks }) => checks.every(({ ok }) => ok)), gateways };
  } finally {
    await agent.close(0);
    await agent.endpoint.close();
  }
}

/** For UDP; TCP and TLS answer on the connection that we open. */
function portsFor({ gateways }: OpenTrunk): ListenAddress[] {
  const ipv6 = gateways.some(({ host }) => isIPv6(host));
  return ["0.0.0.0", ...(ipv6 ? ["::"] : [])].map((address) => ({ protocol: "udp", address, port: 0 }));
}

async function testGateway(
  house: TestTrunkOptions["house"],
  agent: UserAgent & { endpoint: SipEndpoint },
  trunk: OpenTrunk,
  gateway: Gateway,
  timers: SipTimers,
): Promise<TrunkCheck[]> {
  const resolved = await timed("resolve", gateway, () => resolve(agent.endpoint, gateway));
  if (!resolved.ok) return [resolved];
  const answered = await timed("options", gateway, () => sendOptions(agent, trunk, gateway, timers.optionsTimeoutMs));
  if (!trunk.register) return [resolved, answered];
  return [resolved, answered, await timed("registration", gateway, () => testRegistration({ house, agent, trunk, gateway, timers }))];
}

async function timed(check: TrunkCheck["check"], gateway: Gateway, work: () => Promise<Verdict>): Promise<TrunkCheck> {
  const began = performance.now();
  const { state, detail } = await work();
  const advice = state === "up" ? undefined : adviceOn(detail, gateway);
  return { check, ok: state === "up", detail: advice ? `${detail}. ${advice}` : detail, tookMs: performance.now() - began };
}

async function resolve(endpoint: SipEndpoint, gateway: Gateway): Promise<Verdict> {
  if (isIP(gateway.host) !== 0) return { state: "up", detail: "is an IP address" };
  const located = await endpoint.locate(gateway);
  if ("failure" in located) return { state: "down", detail: located.failure.detail };
  const places = located.places.map(({ met, port }) => (gateway.port === null ? `${withBrackets(met.address)}:${port}` : met.address));
  return { state: "up", detail: places.join(", ") };
}
