import type { SrvRecord } from "node:dns";
import { Resolver as Dns, lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { createLookup } from "./createLookup.ts";

/** What names stand for. Both throw Node's errors of `dns`. */
export interface Resolver {
  /** Every address of a host name, in the system's order; an IP address is itself. */
  resolve(host: string): readonly string[] | Promise<readonly string[]>;
  /** SRV records, in no order (RFC 2782). */
  services?(name: string): Promise<readonly SrvRecord[]>;
}

export interface ResolverParts {
  lookUp(host: string): Promise<readonly string[]>;
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  /** Until one who waits for the DNS gives up. */
  patienceMs: number;
}

/** The system's resolver gives no times to live, so everything is kept for the same short time. */
const KEPT = { keptMs: 30_000, staleMs: 5 * 60_000 };
const NONE: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ENODATA"]);

export function createResolver(given: Partial<ResolverParts> = {}): Resolver {
  const { lookUp, resolveSrv, patienceMs } = { lookUp: systemLookup, resolveSrv: systemSrv, patienceMs: 4_000, ...given };
  const addresses = createLookup(lookUp, { ...KEPT, failureMs: 0, patienceMs });
  const orNone = (name: string) =>
    resolveSrv(name).catch((error: unknown): readonly SrvRecord[] => {
      if (error instanceof Error && "code" in error && NONE.has(error.code)) return [];
      throw error;
    });
  // A DNS that does not like such questions is not asked at each call.
  const services = createLookup(orNone, { ...KEPT, failureMs: KEPT.keptMs, patienceMs });
  return { resolve: (host) => (isIP(host) === 0 ? addresses(host) : [host]), services };
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: "verbatim" });
  return [...new Set(found.map((one) => one.address))];
}

/** A new one each time knows the name servers of now. */
const systemSrv = (name: string): Promise<SrvRecord[]> => new Dns({ timeout: 1_000, tries: 3 }).resolveSrv(name);
