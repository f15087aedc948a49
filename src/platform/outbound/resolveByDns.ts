import type { LookupAddress } from "node:dns";
import { Resolver } from "node:dns/promises";

/** So much later than an IPv4 address those of IPv6 may come. */
const LATE_MS = 300;

/**
 * The addresses of a host name as the DNS has them. `dns.lookup` would take a thread for each, of which the whole process has
 * two: a few names whose servers say nothing would keep the database's own name waiting. Knows no hosts file; `localhost` is
 * this machine (RFC 6761 6.3). Rejects when there is no address. `servers`: `address:port`, in place of the system's.
 */
export async function resolveByDns(hostname: string, servers?: readonly string[]): Promise<LookupAddress[]> {
  if (/(^|\.)localhost\.?$/i.test(hostname)) return [{ address: "127.0.0.1", family: 4 }];
  // A new one each time, because it reads the system's servers once.
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  if (servers) resolver.setServers(servers);
  const four = resolver.resolve4(hostname);
  // A name server that ignores questions for IPv6 (RFC 4074 4.1) would take most of the time that a request has.
  const giveUp = () => setTimeout(() => resolver.cancel(), LATE_MS);
  const late = four.then(giveUp, () => undefined);
  const [v4, v6] = await Promise.allSettled([four, resolver.resolve6(hostname)]);
  clearTimeout(await late);
  if (v4.status === "rejected" && v6.status === "rejected") throw v4.reason;
  return [...found(v4, 4), ...found(v6, 6)];
}

const found = (answer: PromiseSettledResult<string[]>, family: 4 | 6): LookupAddress[] =>
  answer.status === "fulfilled" ? answer.value.map((address) => ({ address, family })) : [];
