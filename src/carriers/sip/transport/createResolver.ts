import { lookup } from "node:dns/promises";
import { isIP } from "node:net";

export interface Resolver {
  /** Every address of a host name, in the system's order; an IP address is itself. Throws what `dns.lookup` throws. */
  resolve(host: string): readonly string[] | Promise<readonly string[]>;
}

const KEPT_MS = 30_000;
const KEPT_NAMES = 1_000;

/** The system's resolver, asked once in a while for each name: it answers from a pool of few threads. */
export function createResolver(lookUp: (host: string) => Promise<readonly string[]> = systemLookup): Resolver {
  const known = new Map<string, { addresses: Promise<readonly string[]>; until: number }>();

  return {
    resolve: (host) => {
      if (isIP(host) !== 0) return [host];
      const now = performance.now();
      const kept = known.get(host);
      if (kept && kept.until > now) return kept.addresses;
      if (known.size >= KEPT_NAMES) known.clear();
      const addresses = lookUp(host);
      known.set(host, { addresses, until: now + KEPT_MS });
      addresses.catch(() => known.delete(host));
      return addresses;
    },
  };
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: "verbatim" });
  return [...new Set(found.map((one) => one.address))];
}
