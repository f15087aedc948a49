import { randomUUID } from "node:crypto";
import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Gateway } from "../../../core/trunks/trunk.ts";
import type { SipEndpoint } from "../endpoint.ts";
import type { SipResponse, SipUri } from "../message/message.ts";
import { sipUri, writeUri } from "../message/uri.ts";
import type { RequestOutcome, UserAgent } from "../user-agent.ts";
import { gatewayUri, trunkAddress } from "./addresses.ts";
import { registrationFailure, SEALED_ELSEWHERE, type Verdict } from "./check-words.ts";
import { credentialsOf } from "./credentialsOf.ts";
import type { SipTimers } from "./settings.ts";

export interface Registration {
  /** SIP was turned on or off, or the gateway went or came back, and may have forgotten us: registers now. */
  check(): void;
  /** The gateway is there: registers now when it reaches us elsewhere than it was told, as over TLS on another connection of ours. */
  follow(): Promise<void>;
  /** `leaveWithinMs`: takes the binding back first, when there is one. */
  stop(leaveWithinMs?: number): Promise<void>;
}

export interface RegistrationOptions {
  line: { readonly open: { agent: OpenLineAgent } | undefined; readonly trouble: string | undefined };
  trunk: Pick<OpenTrunk, "domain" | "username" | "password">;
  gateway: Gateway;
  timers: SipTimers;
  random(): number;
  found(verdict: Verdict): void;
}

const LONGEST_SECONDS = 24 * 3600;

/**
 * Keeps this node registered at a gateway (RFC 3261 10.2):
 *
 *     registering ──► registered ──(80 to 90 % of what was granted)──► registering
 *          └──► refused ──(30 s, doubled up to 30 min, 50 to 100 % of that: RFC 5626 4.5)──► registering
 */
export function startRegistration(options: RegistrationOptions): Registration {
  const { line, trunk, gateway, timers, random, found } = options;
  const username = trunk.username ?? "";
  const over = new AbortController();
  const callId = randomUUID();
  let sequence = 0;
  let seconds = timers.registerSeconds;
  let failures = 0;
  /** What the registrar has of us, by what it has granted. */
  let bound: { agent: OpenLineAgent; contact: SipUri; untilMs: number } | undefined;
  /** What it was told last; it may not have taken that. */
  let told: SipUri | undefined;
  let rouse: (() => void) | undefined;
  let again = false;

  const send = async (agent: OpenLineAgent, contact: SipUri, expires: number, timeoutMs: number, signal?: AbortSignal) => {
    told = contact;
    // Taken back with it, where we are not any more: a registrar that allows one place refuses a second, others call both.
    const old = bound && bound.untilMs > performance.now() ? writeUri(bound.contact) : undefined;
    const outcome = await agent.request({
      method: "REGISTER",
      target: gateway,
      uri: gatewayUri(trunk, gateway, null),
      from: trunkAddress(trunk, gateway, username),
      to: trunkAddress(trunk, gateway, username),
      callId,
      sequence: sequence + 1,
      ...credentialsOf(trunk),
      headers: [
        ["Contact", `<${writeUri(contact)}>`],
        ...(old === undefined || old === writeUri(contact) ? [] : [["Contact", `<${old}>;expires=0`] as const]),
        ["Expires", String(expires)],
      ],
      timeoutMs,
      ...(signal ? { signal } : {}),
    });
    sequence = outcome.sequence;
    return outcome;
  };

  const contactOf = async ({ endpoint }: OpenLineAgent): Promise<SipUri> => {
    const { protocol, host, port } = await endpoint.reachableAt(gateway);
    return sipUri({ user: username, host, port, params: protocol === "udp" ? [] : [["transport", protocol]] });
  };

  /** Resolves with how long to wait before the next try. */
  const register = async (): Promise<number> => {
    if (!line.open) {
      if (line.trouble) found({ state: "down", detail: `SIP is off: ${line.trouble}` });
      return timers.reopenMs;
    }
    if (trunk.password === undefined) return refused(SEALED_ELSEWHERE);
    const { agent } = line.open;
    const contact = await contactOf(agent);
    const outcome = await withLongerExpiry(agent, contact);
    if (over.signal.aborted) {
      // Cut short: whether it took hold is not known.
      if (bound?.agent !== agent) bound = { agent, contact, untilMs: 0 };
      return 0;
    }
    if ("failure" in outcome || outcome.response.status >= 300) return refused(registrationFailure(outcome, username));
    failures = 0;
    const granted = grantedSeconds(outcome.response, contact, seconds);
    bound = { agent, contact, untilMs: performance.now() + granted * 1000 };
    found({ state: "up", detail: `registered as ${username} for ${granted} s` });
    return Math.max(timers.registerLeastMs, granted * 1000 * (0.8 + 0.1 * random()));
  };
  /** RFC 3261 10.3, 7: a registrar may ask for a longer time, once. */
  const withLongerExpiry = async (agent: OpenLineAgent, contact: SipUri): Promise<RequestOutcome> => {
    const outcome = await send(agent, contact, seconds, timers.registerTimeoutMs, over.signal);
    if ("failure" in outcome || outcome.response.status !== 423) return outcome;
    const least = Number(outcome.response.headers.get("Min-Expires"));
    if (!(least > seconds && least <= LONGEST_SECONDS)) return outcome;
    seconds = least;
    return send(agent, contact, seconds, timers.registerTimeoutMs, over.signal);
  };
  const refused = (detail: string): number => {
    found({ state: "down", detail });
    const upper = Math.min(timers.registerRetryMostMs, timers.registerRetryMs * 2 ** Math.min(failures, 20));
    failures += 1;
    return upper * (0.5 + 0.5 * random());
  };

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      rouse = () => {
        clearTimeout(timer);
        resolve();
      };
      if (over.signal.aborted) rouse();
    });
  const run = async () => {
    while (!over.signal.aborted) {
      again = false;
      const waitMs = await register().catch((error: unknown) => refused(error instanceof Error ? error.message : String(error)));
      // Asked for while it was under way in vain, or with a line that is not there any more.
      if (again && (failures > 0 || line.open?.agent !== bound?.agent)) continue;
      await pause(waitMs);
    }
  };
  const running = run();
  const check = () => {
    again = true;
    rouse?.();
  };

  return {
    check,
    async follow() {
      const before = bound;
      // Refused, it is tried again when it is time, not each time that the gateway is found there.
      if (!before || failures > 0 || before.agent !== line.open?.agent) return;
      const contact = await contactOf(before.agent);
      if (bound === before && failures === 0 && writeUri(contact) !== writeUri(before.contact)) rouse?.();
    },
    async stop(leaveWithinMs) {
      over.abort();
      rouse?.();
      await running;
      if (leaveWithinMs === undefined || !bound || !told || line.open?.agent !== bound.agent) return;
      await send(bound.agent, told, 0, leaveWithinMs);
    },
  };
}

type OpenLineAgent = Pick<UserAgent, "request"> & { endpoint: Pick<SipEndpoint, "reachableAt"> };

/**
 * What the registrar says of our contact, else the shortest of our name's, as it may know us at another address, else of all (RFC 3261
 * 10.2.4). Never longer than asked for (10.3, 7), whatever it says.
 */
function grantedSeconds({ contact, headers }: SipResponse, ours: SipUri, asked: number): number {
  const mine = contact === "*" ? [] : contact.filter(({ uri }) => uri.kind === "sip" && uri.user === ours.user);
  const exact = mine.filter(({ uri }) => uri.kind === "sip" && uri.host === ours.host && uri.port === ours.port);
  const said = secondsOf((exact.length > 0 ? exact : mine).map(({ params }) => params.get("expires")));
  return Math.min(asked, ...(said.length > 0 ? said : secondsOf([headers.get("Expires")])));
}

const secondsOf = (values: ReadonlyArray<string | null | undefined>): number[] =>
  values.map(Number).filter((value) => Number.isInteger(value) && value > 0);
