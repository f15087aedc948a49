import { ownerOf } from "./address.ts";
import { createRateLimit } from "./createRateLimit.ts";

/** Keeps strangers from taking the time that calls need. */
export interface Guard {
  /** We send there, or took a call from there: no stranger any more. */
  know(address: string): void;
  isStranger(address: string): boolean;
  /** Whether a message from there is to be read; `excess`: it alone sends too much, `busy`: all strangers together do. */
  verdict(address: string, over: "datagram" | "connection"): "read" | "excess" | "busy";
}

/** A call with credentials is three messages until it is taken, and then its caller is known. */
const ONE_STRANGER = { perSecond: 50, burst: 200 };
/** Datagrams and connections each: addresses of datagrams can be made up. To read and challenge an INVITE takes less than 0.1 ms. */
const ALL_STRANGERS = { perSecond: 500, burst: 1_000, keys: 2 };
const MOST_KNOWN = 10_000;

/** `trusts`: who is no stranger in any case; not given: nobody is one. */
export function createGuard(trusts: (address: string) => boolean = () => true): Guard {
  /** Longest unseen first. */
  const known = new Set<string>();
  const one = createRateLimit(ONE_STRANGER);
  const all = createRateLimit(ALL_STRANGERS);

  const isStranger = (address: string) => !known.has(ownerOf(address)) && !trusts(address);

  return {
    know: (address) => {
      const owner = ownerOf(address);
      known.delete(owner);
      known.add(owner);
      const [oldest] = known;
      if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest);
    },
    isStranger,
    verdict: (address, over) => {
      if (!isStranger(address)) return "read";
      // One that sends too much takes nothing from the others.
      if (!one.allows(ownerOf(address))) return "excess";
      return all.allows(over) ? "read" : "busy";
    },
  };
}
