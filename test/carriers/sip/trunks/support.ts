import { createSocket } from "node:dgram";
import { once } from "node:events";
import type { TestContext } from "node:test";
import type { AudioMedia, DialRequest, IncomingCall, Leg, LegEnd, LegHandler } from "../../../../src/carriers/carrier.ts";
import { createUserAgent } from "../../../../src/carriers/sip/createUserAgent.ts";
import { openEndpoint } from "../../../../src/carriers/sip/openEndpoint.ts";
import { type SipCarrier, startSipCarrier } from "../../../../src/carriers/sip/startSipCarrier.ts";
import type { Resolver } from "../../../../src/carriers/sip/transport/createResolver.ts";
import { type LineParts, REAL_PARTS } from "../../../../src/carriers/sip/trunks/line.ts";
import type { SipSettings, SipTimers } from "../../../../src/carriers/sip/trunks/settings.ts";
import { addTrunk } from "../../../../src/core/trunks/addTrunk.ts";
import { TRUNKS_CHANNEL } from "../../../../src/core/trunks/channel.ts";
import type { TrunkSettings } from "../../../../src/core/trunks/fields.ts";
import { getTrunk } from "../../../../src/core/trunks/getTrunk.ts";
import type { Trunk } from "../../../../src/core/trunks/trunk.ts";
import type { TrunkHealth } from "../../../../src/core/trunks/trunk-view.ts";
import { newId } from "../../../../src/platform/ids.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { openListener } from "../../../../src/platform/postgres/listener.ts";
import { until } from "../../../support/until.ts";
import type { World } from "../../../support/world.ts";

export const FROM = "+97231234567";
export const TO = "+972501234567";
export const log = createLog((process.env.TEST_LOG as "debug" | undefined) ?? "silent");

export interface RunningCarrier extends SipCarrier {
  nodeId: string;
  /** Calls that came in and that no test step has taken yet. */
  calls: IncomingCall[];
  /** Where its first address listens. */
  port(): Promise<number>;
  dial(trunkId: string, more?: Partial<DialRequest>): Told;
}

export interface CarrierOptions {
  settings?: Partial<SipSettings>;
  timers?: Partial<SipTimers>;
  parts?: LineParts;
  /** The node is registered by the test. */
  unregistered?: boolean;
}

/** Ports for audio: a range of its own for each carrier of this process, so that pools do not contend for pairs. */
let ports = 36_000 + (process.pid % 200) * 20;
export const somePorts = (count = 20) => {
  const from = ports;
  ports += count;
  return { from, to: from + count - 1 };
};

/** A carrier on a port of the loopback, over the world's store. */
export async function startCarrier(t: TestContext, world: World, options: CarrierOptions = {}): Promise<RunningCarrier> {
  const { house } = world;
  const nodeId = newId();
  if (!options.unregistered) await registerNode(world, nodeId);
  const listener = await openListener(world.connection, [TRUNKS_CHANNEL], log);
  const calls: IncomingCall[] = [];
  const running = await startSipCarrier({
    house,
    listener,
    log,
    nodeId,
    settings: { SIP_LISTEN: [{ protocol: "udp", address: "127.0.0.1", port: 0 }], RTP_PORTS: somePorts(), ...options.settings },
    incoming: (call) => void calls.push(call),
    timers: { optionsMs: 600_000, ...options.timers },
    ...(options.parts ? { parts: options.parts } : {}),
  });
  t.after(async () => {
    await running.close();
    await listener.close();
  });
  return {
    nodeId,
    calls,
    carrier: running.carrier,
    close: running.close,
    get listening() {
      return running.listening;
    },
    port: async () => (await until(() => running.listening[0], { what: "SIP" })).port,
    dial: (trunkId, more = {}) =>
      listen((handler) => running.carrier.dial({ callId: newId(), trunkId, from: FROM, to: TO, ringTimeoutSeconds: 30, ...more }, handler)),
  };
}

export const registerNode = (world: World, nodeId: string) =>
  world.house.db.pool.query("insert into nodes (id, host, pid) values ($1, 'test', 1)", [nodeId]);

let made = 0;
export const newTrunk = (world: World, settings: Partial<TrunkSettings> & Pick<TrunkSettings, "gateways">): Promise<Trunk> =>
  addTrunk(world.house, { name: `Trunk ${++made}`, ...settings });

/** What a node found, once there is such a finding. */
export const healthOf = (world: World, trunk: Trunk, matches: (found: TrunkHealth) => boolean = () => true): Promise<TrunkHealth> =>
  until(async () => (await getTrunk(world.house, trunk.id)).health.find(matches), { what: "a finding about the trunk" });

/** A line that takes names from this resolver. */
export const partsWith = (resolver: Resolver, timers: { t1Ms?: number } = {}): LineParts => ({
  ...REAL_PARTS,
  openAgent: ({ listen, log, incoming }) =>
    createUserAgent({ open: (handler) => openEndpoint({ listen, resolver, timers, log }, handler), incoming, log }),
});

/** What a leg told its handler. */
export interface Told {
  leg: Leg;
  told: string[];
  media(): Promise<AudioMedia>;
  ended(): Promise<LegEnd>;
}

export function listen(begin: (handler: LegHandler) => Leg): Told {
  const told: string[] = [];
  let returned = false;
  let media: AudioMedia | undefined;
  let end: LegEnd | undefined;
  const tell = (what: string) => {
    if (!returned) throw new Error(`${what} was told before the leg was returned`);
    if (end) throw new Error(`${what} was told after the end`);
    told.push(what);
  };
  const leg = begin({
    ringing: () => tell("ringing"),
    answered: (given) => {
      tell("answered");
      if (given.kind === "audio") media = given;
    },
    ended: (given) => {
      tell(`ended ${given.cause}`);
      end = given;
    },
  });
  returned = true;
  return {
    leg,
    told,
    media: () => until(() => media, { what: "the answer" }),
    ended: () => until(() => end, { what: "the end" }),
  };
}

/** A UDP port of the loopback at which nobody listens. */
export async function deadPort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  await once(socket, "close");
  return port;
}
