import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import { type Gateway, gatewayName } from "../../../core/trunks/trunk.ts";
import type { Log } from "../../../platform/log.ts";
import type { Verdict } from "./check-words.ts";
import type { GatewayBoard } from "./gateway-board.ts";
import type { HealthWriter } from "./health-writer.ts";
import type { Line } from "./line.ts";
import type { SipTimers } from "./settings.ts";
import { startKeepAlive, type Watch } from "./startKeepAlive.ts";
import { type Registration, startRegistration } from "./startRegistration.ts";

/** OPTIONS to every gateway, and a registration at each of those that ask for one, following the trunks as they change. */
export interface TrunkWatch {
  /** Begins what is new, ends what is gone, leaves the rest as it runs. */
  follow(trunks: readonly OpenTrunk[]): void;
  /** Resolves when what was ended has said goodbye. */
  settled(): Promise<unknown>;
  /** SIP went on or off: looks at every gateway now. */
  checkAll(): void;
  /** What a call met at a gateway. Bad news is told at once; good news is looked into when the last news was bad. */
  met(trunk: OpenTrunk, gateway: Gateway, verdict: Verdict): void;
  /** How a call fared at a gateway that could be reached. Shown until the next call, or until the trunk is changed. */
  called(trunk: OpenTrunk, gateway: Gateway, verdict: Verdict): void;
  /** Takes the registrations back, in at most this long. */
  close(withinMs: number): Promise<void>;
}

export interface TrunkWatchOptions {
  line: Pick<Line, "open" | "trouble">;
  board: GatewayBoard;
  health: Pick<HealthWriter, "tell" | "keep">;
  timers: SipTimers;
  random(): number;
  log: Log;
}

interface Watched {
  trunkId: string;
  gateway: Gateway;
  /** Of the trunk. */
  version: number;
  /** Whatever of the trunk the checks depend on. */
  settings: string;
  /** Whom it registers. */
  identity: string;
  keepAlive: Watch;
  registration: Registration | undefined;
  /** A check found it away, or back; or a call found it away. */
  setAway(now: boolean): void;
}

export function watchTrunks(options: TrunkWatchOptions): TrunkWatch {
  const { line, board, health, timers, random, log } = options;
  const watched = new Map<string, Watched>();
  const leaving = new Set<Promise<unknown>>();

  const begin = (trunk: OpenTrunk, gateway: Gateway, settings: string): Watched => {
    const at = { trunkId: trunk.id, gateway: gatewayName(gateway) };
    const common = { line, trunk, gateway, timers, random };
    let registered: Verdict | undefined;
    let away = false;
    const tellRegistration = (verdict: Verdict) => {
      registered = verdict;
      health.tell({ ...at, check: "registration", ...verdict });
    };
    const setAway = (now: boolean) => {
      if (now === away) return;
      away = now;
      // Back, it may have forgotten us.
      if (!now) registration?.check();
      else if (registered?.state === "up") {
        tellRegistration({ state: "down", detail: `not sure while the gateway is away: ${registered.detail}` });
        // Some take a REGISTER though they answer no OPTIONS.
        registration?.check();
      }
    };
    const keepAlive = startKeepAlive({
      ...common,
      resolved: (addresses) => board.setAddresses(trunk.id, gateway, addresses),
      found(verdict) {
        board.set(trunk.id, gateway, verdict.state);
        health.tell({ ...at, check: "options", ...verdict });
        setAway(verdict.state === "down");
        if (verdict.state === "up") void registration?.follow();
        // It stands between two tries, which may be half an hour apart.
        if (registered) tellRegistration(registered);
      },
    });
    const registration = trunk.register ? startRegistration({ ...common, found: tellRegistration }) : undefined;
    const { version } = trunk;
    return { trunkId: trunk.id, gateway, version, settings, identity: identityOf(trunk), keepAlive, registration, setAway };
  };
  const end = (one: Watched, leaveWithinMs?: number) => {
    const ended: Promise<unknown> = Promise.all([one.keepAlive.stop(), one.registration?.stop(leaveWithinMs)])
      .catch((error: unknown) => log.warn({ err: error }, "a gateway's checks did not end cleanly"))
      .finally(() => leaving.delete(ended));
    leaving.add(ended);
  };

  return {
    follow(trunks) {
      const wanted = new Map<string, { trunk: OpenTrunk; gateway: Gateway }>(
        trunks.flatMap((trunk) => trunk.gateways.map((gateway) => [`${trunk.id} ${gatewayName(gateway)}`, { trunk, gateway }] as const)),
      );
      for (const [key, one] of watched) {
        const now = wanted.get(key);
        if (now && settingsOf(now.trunk) === one.settings) continue;
        watched.delete(key);
        // Taken back, the binding of the registration that comes in its place would be gone as well.
        if (now && identityOf(now.trunk) === one.identity) end(one);
        else end(one, timers.registerTimeoutMs);
        if (!now) board.forget(one.trunkId, one.gateway);
      }
      const changed = new Set<Watched>();
      for (const [key, { trunk, gateway }] of wanted) {
        const one = watched.get(key) ?? begin(trunk, gateway, settingsOf(trunk));
        watched.set(key, one);
        if (one.version !== trunk.version) changed.add(one);
        one.version = trunk.version;
      }
      health.keep(
        [...watched.values()].flatMap((one) => {
          const at = { trunkId: one.trunkId, gateway: gatewayName(one.gateway) };
          return [
            { ...at, check: "options" as const },
            ...(one.registration ? [{ ...at, check: "registration" as const }] : []),
            // What was wrong may just have been mended.
            ...(changed.has(one) ? [] : [{ ...at, check: "calls" as const }]),
          ];
        }),
      );
    },
    settled: () => Promise.all(leaving),
    checkAll() {
      for (const { keepAlive, registration } of watched.values()) {
        keepAlive.check();
        registration?.check();
      }
    },
    met(trunk, gateway, verdict) {
      const one = watched.get(`${trunk.id} ${gatewayName(gateway)}`);
      // A call may outlive its trunk.
      if (!one) return;
      const news = board.set(trunk.id, gateway, verdict.state);
      if (verdict.state === "down") {
        health.tell({ trunkId: trunk.id, gateway: gatewayName(gateway), check: "options", ...verdict });
        one.setAway(true);
      } else if (news) one.keepAlive.check();
    },
    called(trunk, gateway, verdict) {
      if (watched.get(`${trunk.id} ${gatewayName(gateway)}`)?.version !== trunk.version) return;
      health.tell({ trunkId: trunk.id, gateway: gatewayName(gateway), check: "calls", ...verdict });
    },
    async close(withinMs) {
      for (const one of watched.values()) end(one, withinMs);
      watched.clear();
      await Promise.all(leaving);
    },
  };
}

const settingsOf = ({ domain, username, password, register }: OpenTrunk): string =>
  JSON.stringify([domain, username, password ?? null, password === undefined, register]);

const identityOf = ({ domain, username, register }: OpenTrunk): string => JSON.stringify([domain, username, register]);
