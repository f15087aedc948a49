import { randomUUID } from "node:crypto";
import { isIP, type Socket } from "node:net";
import type { Located, PlacedTarget, Protocol, RequestFailure, Source, Target } from "../endpoint.ts";
import { type Family, familyOf, isWildcard } from "./address.ts";
import { type ConnectionsOptions, type ConnectTarget, createConnections } from "./createConnections.ts";
import { createResolver, type Resolver } from "./createResolver.ts";
import { createRoutes, type Routes } from "./createRoutes.ts";
import { createSecureContexts, type TlsFiles } from "./createSecureContexts.ts";
import { describeFailure } from "./describeFailure.ts";
import { DEFAULT_PORT, locate as locatePlaces, placeKey } from "./locate.ts";
import { openStreamListener, type StreamListener } from "./openStreamListener.ts";
import { openUdpListener, type UdpListener } from "./openUdpListener.ts";
import type { HostPort, Inbound, Path, PathOrFailure } from "./path.ts";

export interface TransportsOptions {
  listen: ReadonlyArray<{ protocol: Protocol; address: string; port: number }>;
  publicAddress?: string;
  tls?: TlsFiles;
  limits?: ConnectionsOptions["limits"];
  resolver?: Resolver;
  routes?: Routes;
  /** As of Guard. */
  isStranger(address: string): boolean;
  /** We send there. */
  located(address: string): void;
  /** What concerns no single message: a listener's error, somebody turned away. */
  onTrouble(what: string, error?: Error): void;
}

export interface Transports {
  readonly listening: readonly Source[];
  listensOn(protocol: Protocol): boolean;
  /** As of SipEndpoint. Never rejects: when there is no way to the target, the best that is known. */
  reachableAt(target: Target): Promise<{ protocol: Protocol; host: string; port: number }>;
  /** As of SipEndpoint. Places that were met with trouble lately come last. */
  locate(target: Target): Promise<Located>;
  /** How a place was met. */
  met(place: Source, how: "well" | "in trouble"): void;
  /** A way to the target, trying its places one after the other. Never rejects. `fresh`: no connection that is open already. */
  open(target: Target, options?: { fresh?: boolean; timeoutMs?: number }): Promise<PathOrFailure>;
  /** A connection to where a request came from, for its response. Never rejects. */
  reopen(target: ConnectTarget): Promise<PathOrFailure>;
  /** For connections from now on. Throws when the PEM texts cannot be used, and changes nothing then. */
  renewTls(files: TlsFiles): void;
  /** TCP and TLS connections that are open. */
  readonly connections: number;
  close(): Promise<void>;
}

/**
 * Who takes the place of a protocol that nobody listens on, in what others reach us at. What is said on a connection of ours
 * comes back on it in any case. Nothing takes the place of TLS: what belongs to a call would be said in clear.
 */
const IN_PLACE: Record<Protocol, readonly Protocol[]> = {
  udp: ["udp", "tcp", "tls"],
  tcp: ["tcp", "udp", "tls"],
  tls: ["tls"],
};

/** With what the request takes then, which tells what is wrong, within what an OPTIONS may take; a call leaves such a gateway by itself. */
const OWN_CONNECTION_MS = 4_000;

/** A place that did not answer is tried last for this long: the OPTIONS after that may find it well again. */
const IN_TROUBLE_MS = 45_000;
const MOST_IN_TROUBLE = 1_000;

/** Everything that is listened on and connected to. Rejects when an address cannot be listened on; then nothing stays open. */
export async function createTransports(options: TransportsOptions, inbound: Inbound): Promise<Transports> {
  const { publicAddress } = options;
  const resolver = options.resolver ?? createResolver();
  const routes = options.routes ?? createRoutes();
  const seed = randomUUID();
  /** And until when. */
  const troubled = new Map<string, number>();
  const secure = createSecureContexts(options.tls ?? {});
  const udp: UdpListener[] = [];
  const streams: StreamListener[] = [];

  const connections = createConnections(
    {
      secureContext: () => secure.client(),
      sentBy: (protocol, local) => {
        const family = familyOf(local.host);
        const listener = listenersOf(protocol, family)[0];
        return { host: publicOf(family) ?? local.host, port: listener?.listening.port ?? local.port };
      },
      localAddress: (protocol, family) => {
        const found = listenersOf(protocol, family);
        const own = found.length === 1 ? found[0]?.listening.address : undefined;
        return own && !isWildcard(own) ? own : undefined;
      },
      ...(options.limits && { limits: options.limits }),
      isStranger: options.isStranger,
      onRefused: (address) => options.onTrouble(`too many connections: one from ${address} was closed`),
    },
    inbound,
  );

  const all = (): Array<UdpListener | StreamListener> => [...udp, ...streams];
  const listenersOf = (protocol: Protocol, family: Family) =>
    all().filter((one) => one.listening.protocol === protocol && one.families.includes(family));
  const publicOf = (family: Family) => (publicAddress && familyOf(publicAddress) === family ? publicAddress : undefined);

  async function close() {
    connections.close();
    await Promise.all(all().map((one) => one.close()));
  }

  try {
    for (const one of options.listen) {
      const dualStack = !options.listen.some((other) => other.protocol === one.protocol && familyOf(other.address) === 4);
      const onError = (error: Error) => options.onTrouble(`SIP over ${one.protocol.toUpperCase()} on ${one.address}`, error);
      if (one.protocol === "udp") udp.push(await openUdpListener({ ...one, dualStack, onError }, inbound));
      else {
        const { protocol } = one;
        const connected = (socket: Socket) => connections.accept(socket, protocol);
        const pem = { ...(options.tls?.cert && { cert: options.tls.cert }), ...(options.tls?.key && { key: options.tls.key }) };
        streams.push(await openStreamListener({ ...one, protocol, dualStack, ...pem, maxConnections: 10_000, connected, onError }));
      }
    }
  } catch (error) {
    await close();
    throw error;
  }

  /** Which of these reaches an address, and as whom. Throws when there is no route. */
  async function choose<L extends UdpListener | StreamListener>(
    from: readonly L[],
    address: string,
  ): Promise<{ listener: L; at: HostPort } | null> {
    const [first] = from;
    if (!first) return null;
    const known = publicOf(familyOf(address));
    if (from.length === 1 && (known || !isWildcard(first.listening.address))) {
      return { listener: first, at: { host: known ?? first.listening.address, port: first.listening.port } };
    }
    const local = await routes.localAddressTo(address);
    const listener = from.find((one) => one.listening.address === local) ?? from.find((one) => isWildcard(one.listening.address)) ?? first;
    const own = isWildcard(listener.listening.address) ? local : listener.listening.address;
    return { listener, at: { host: known ?? own, port: listener.listening.port } };
  }

  const isTroubled = ({ met }: PlacedTarget) => (troubled.get(placeKey(met)) ?? 0) > performance.now();

  async function locate(target: Target): Promise<Located> {
    const { protocol, host, met } = target;
    if (met) {
      options.located(met.address);
      return { places: [{ ...target, port: target.port ?? DEFAULT_PORT[protocol], met }] };
    }
    try {
      const all = (await locatePlaces(resolver, target, seed)).map((place) => ({
        ...target,
        port: place.port,
        met: { protocol, ...place },
      }));
      const spoken = all.filter((one) => protocol !== "udp" || listenersOf(protocol, familyOf(one.met.address)).length > 0);
      const places = spoken.length > 0 ? spoken : all;
      for (const place of places) options.located(place.met.address);
      if (places.length === 0) return { failure: { kind: "unreachable", detail: `the host name ${host} has no address` } };
      return { places: [...places.filter((one) => !isTroubled(one)), ...places.filter(isTroubled)] };
    } catch (error) {
      return { failure: describeFailure(error, host) };
    }
  }

  async function openOne(target: PlacedTarget, how: { fresh?: boolean; timeoutMs?: number }): Promise<Path> {
    const { address } = target.met;
    if (target.protocol !== "udp") return connections.open({ ...target, protocol: target.protocol, address }, how);
    const family = familyOf(address);
    const chosen = await choose(
      udp.filter((one) => one.families.includes(family)),
      address,
    );
    if (!chosen) throw new Error(`SIP is not listened on over UDP with IPv${family}, which ${target.host} needs`);
    return chosen.listener.path({ host: address, port: target.port }, chosen.at);
  }

  async function open(target: Target, how: { fresh?: boolean; timeoutMs?: number } = {}): Promise<PathOrFailure> {
    const { met, protocol, host } = target;
    if (met && protocol !== "udp" && met.protocol === protocol && !how.fresh) {
      const path = connections.find({ protocol, host, address: met.address, port: met.port });
      // Who calls us on a connection that we opened by a name is met at its address.
      const same = path ?? (host === met.address ? connections.findAt(met) : undefined);
      if (same) return { path: same };
    }
    const located = await locate(target);
    if ("failure" in located) return located;
    let failure: RequestFailure = { kind: "unreachable", detail: "no place of it is known" };
    for (const place of located.places) {
      try {
        return { path: await openOne(place, how) };
      } catch (error) {
        failure = describeFailure(error, host);
      }
    }
    return { failure };
  }

  function met(place: Source, how: "well" | "in trouble") {
    if (how === "well") return void (troubled.size > 0 && troubled.delete(placeKey(place)));
    if (troubled.size >= MOST_IN_TROUBLE) troubled.clear();
    troubled.set(placeKey(place), performance.now() + IN_TROUBLE_MS);
  }

  async function reachableAt(target: Target) {
    const located = await locate(target);
    const addresses = "places" in located ? located.places.map(({ met }) => met.address) : [publicAddress ?? "127.0.0.1"];
    for (const protocol of IN_PLACE[target.protocol]) {
      // An address of an IP version that we do not listen with is none that we go to.
      for (const address of addresses) {
        const chosen = await choose(listenersOf(protocol, familyOf(address)), address).catch(() => null);
        if (chosen) return { protocol, ...chosen.at };
      }
    }
    // RFC 5626: over TLS where nobody can connect to us, the connection that we open is the way back.
    const own = target.protocol === "tls" ? await open(target, { timeoutMs: OWN_CONNECTION_MS }) : undefined;
    if (own && "path" in own) return { protocol: target.protocol, ...own.path.sentBy };
    // Whoever asked may not wait for what the request would find.
    if (own && "places" in located) for (const place of located.places) met(place.met, "in trouble");
    const [address = "127.0.0.1"] = addresses;
    const host = publicOf(familyOf(address)) ?? (await Promise.resolve(routes.localAddressTo(address)).catch(() => "127.0.0.1"));
    return { protocol: target.protocol, host, port: DEFAULT_PORT[target.protocol] };
  }

  return {
    listening: all().map((one) => one.listening),
    listensOn: (protocol) => all().some((one) => one.listening.protocol === protocol),
    reachableAt,
    locate,
    met,
    open,
    reopen: async (target) => {
      try {
        return { path: await connections.open(target) };
      } catch (error) {
        return { failure: describeFailure(error, isIP(target.host) ? target.address : target.host) };
      }
    },
    renewTls: (files) => {
      secure.renew(files);
      for (const one of streams) one.renew(files);
    },
    get connections() {
      return connections.size;
    },
    close,
  };
}
