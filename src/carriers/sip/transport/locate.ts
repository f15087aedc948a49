import { createHash } from "node:crypto";
import type { SrvRecord } from "node:dns";
import { isIP } from "node:net";
import type { Protocol, Target } from "../endpoint.ts";
import { familyOf, withBrackets } from "./address.ts";
import type { Resolver } from "./createResolver.ts";

/** One address and port at which a target may be. */
export interface Place {
  address: string;
  port: number;
}

export const DEFAULT_PORT: Record<Protocol, number> = { udp: 5060, tcp: 5060, tls: 5061 };
const SERVICE: Record<Protocol, string> = { udp: "_sip._udp", tcp: "_sip._tcp", tls: "_sips._tcp" };

/**
 * Every place of a target, in the order to be tried (RFC 3263 4.2; without NAPTR, as the transport is given). With a port: the host's
 * addresses. Without: its SRV records by priority and weight (RFC 2782), or its addresses with the default port when there are
 * none, or none can be got. Throws what the resolver throws, or that there is no such service.
 *
 * What is left to chance is decided by `seed`, so that one process always begins at the same place: REGISTER, OPTIONS, which keep a
 * NAT open, and calls meet the same machine. The load is spread over those who call, not over their calls.
 */
export async function locate(resolver: Resolver, { protocol, host, port }: Omit<Target, "met">, seed: string): Promise<Place[]> {
  const addressesOf = async (name: string, at: number) =>
    inOrder(await resolver.resolve(name), seed).map((address) => ({ address, port: at }));
  const services = port === null && isName(host) ? await servicesOf(resolver, `${SERVICE[protocol]}.${host}`) : [];
  if (services.length === 0) return addressesOf(host, port ?? DEFAULT_PORT[protocol]);
  const offered = byWeight(services, seed).filter(({ name }) => name !== "" && name !== ".");
  if (offered.length === 0) throw new Error(`${host} offers no SIP over ${protocol.toUpperCase()}, says its SRV record`);
  const found = await Promise.allSettled(offered.map(({ name, port: at }) => addressesOf(name, at)));
  const all = found.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
  // Several names may be of one machine.
  const places = [...new Map(all.map((place) => [placeKey(place), place])).values()];
  const [failed] = found.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  if (places.length === 0 && failed) throw failed;
  return places;
}

/** Of one label there is no SRV anywhere: names of this network, of /etc/hosts, of containers. */
const isName = (host: string): boolean => isIP(host) === 0 && host.includes(".");

async function servicesOf(resolver: Resolver, name: string): Promise<readonly SrvRecord[]> {
  try {
    return (await resolver.services?.(name)) ?? [];
  } catch {
    // The address may be known yet. When not, that is told.
    return [];
  }
}

/** Between 0 and 1, the same for the same text. */
const chanceOf = (seed: string, text: string): number =>
  (createHash("sha256").update(`${seed} ${text}`).digest().readUInt32BE() + 1) / (2 ** 32 + 2);

/** Each is first as often as its weight says, each of the others second, and so on, which is what RFC 2782 draws by running sums. */
function byWeight(services: readonly SrvRecord[], seed: string): SrvRecord[] {
  const drawn = services.map((one) => ({
    one,
    turn: -Math.log(chanceOf(seed, `${one.name}:${one.port}`)) / Math.max(one.weight, 0.001),
  }));
  return drawn.sort((a, b) => a.one.priority - b.one.priority || a.turn - b.turn).map(({ one }) => one);
}

/** The system's preferred IP version first; within one the DNS turns the addresses about. */
function inOrder(addresses: readonly string[], seed: string): string[] {
  const [first = ""] = addresses;
  const rank = (address: string) => Number(familyOf(address) !== familyOf(first)) + chanceOf(seed, address);
  return addresses.toSorted((a, b) => rank(a) - rank(b));
}

export const placeKey = ({ address, port }: Place): string => `${withBrackets(address)}:${port}`;
