import type { House } from "../../../core/context.ts";
import { getTrunk } from "../../../core/trunks/getTrunk.ts";
import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import { type Gateway, gatewayName } from "../../../core/trunks/trunk.ts";
import type { SipEndpoint } from "../endpoint.ts";
import type { UserAgent } from "../user-agent.ts";
import { gatewayUri, trunkAddress } from "./addresses.ts";
import { registrationFailure, SEALED_ELSEWHERE, type Verdict } from "./check-words.ts";
import { credentialsOf } from "./credentialsOf.ts";
import type { SipTimers } from "./settings.ts";
import { startRegistration } from "./startRegistration.ts";

interface RegistrationTest {
  house: Pick<House, "db">;
  agent: Pick<UserAgent, "request"> & { endpoint: Pick<SipEndpoint, "reachableAt"> };
  trunk: OpenTrunk;
  gateway: Gateway;
  timers: SipTimers;
}

/**
 * Registers, unless a server runs: a second registration takes the calls of the first one away at the many registrars that know one
 * place only. Beside a server it only asks.
 */
export async function testRegistration(test: RegistrationTest): Promise<Verdict> {
  // By the database's clock, as heartbeats are.
  const { rowCount } = await test.house.db.pool.query("select from nodes where heartbeat_at > now() - interval '15 seconds' limit 1");
  return rowCount === 0 ? register(test) : ask(test);
}

/** As a server does, for a minute, and takes it back. */
async function register({ agent, trunk, gateway, timers }: RegistrationTest): Promise<Verdict> {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const registration = startRegistration({
    line: { open: { agent }, trouble: undefined },
    trunk,
    gateway,
    timers: { ...timers, registerSeconds: 60 },
    random: Math.random,
    found: resolve,
  });
  const verdict = await promise;
  await registration.stop(timers.registerTimeoutMs);
  return verdict;
}

/**
 * A REGISTER without Contact asks which bindings there are (RFC 3261 10.2.3), and the credentials must be right. Some registrars refuse
 * it, which says nothing of registering: then what the server found counts.
 */
async function ask({ house, agent, trunk, gateway, timers }: RegistrationTest): Promise<Verdict> {
  if (trunk.password === undefined) return { state: "down", detail: SEALED_ELSEWHERE };
  const username = trunk.username ?? "";
  const outcome = await agent.request({
    method: "REGISTER",
    target: gateway,
    uri: gatewayUri(trunk, gateway, null),
    from: trunkAddress(trunk, gateway, username),
    to: trunkAddress(trunk, gateway, username),
    ...credentialsOf(trunk),
    timeoutMs: timers.registerTimeoutMs,
  });
  if ("failure" in outcome) return { state: "down", detail: registrationFailure(outcome, username) };
  const { status, reason, contact } = outcome.response;
  const refused = status >= 400 && status < 500 && status !== 401 && status !== 407;
  const found = refused ? await serverFound(house, trunk, gateway) : undefined;
  if (found)
    return { ...found, detail: `${found.detail}, as the server found; asked without registering, the gateway says ${status} ${reason}` };
  if (status >= 300) return { state: "down", detail: registrationFailure(outcome, username) };
  const bindings = contact === "*" ? 0 : contact.length;
  return { state: "up", detail: `${username} may register; ${bindings === 0 ? "nobody is" : `${bindings} registered`} now` };
}

/** The worst of what voice nodes found. */
async function serverFound(house: Pick<House, "db">, trunk: OpenTrunk, gateway: Gateway): Promise<Verdict | undefined> {
  const { health } = await getTrunk(house, trunk.id);
  const found = health.filter((one) => one.check === "registration" && one.gateway === gatewayName(gateway));
  const worst = found.find(({ state }) => state === "down") ?? found[0];
  return worst && { state: worst.state, detail: worst.detail };
}
