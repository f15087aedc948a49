import { ownerOf } from "./address.ts";
import { createRateLimit } from "./createRateLimit.ts";

/** Keeps strangers from taking the time that calls need. */
export interface Guard {
  /** We send there, or took a call from there: no stranger any more. */
  know(address: string): void;
  isStranger(address: string): boolean;
  /** Whether a message from there is to be read at all. */
  admits(address: string): boolean;
}

/** A call with credentials is three messages until it is taken, and then its caller is known. */
const ONE_STRANGER = { perSecond: 50, burst: 200 };
/** To read and challenge an INVITE takes less than 0.1 ms. */
const ALL_STRANGERS = { perSecond: 500, burst: 1_000, keys: 1 };
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
    // One that sends too much takes nothing from the others.
    admits: (address) => !isStranger(address) || (one.allows(ownerOf(address)) && all.allows("")),
  };
}
