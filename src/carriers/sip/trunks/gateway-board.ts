import { type Gateway, gatewayName } from "../../../core/trunks/trunk.ts";

/** What is known of gateways just now: who is down, who asked for rest, and which addresses they have. */
export interface GatewayBoard {
  /** Those that should work first, each group in the trunk's order. */
  order(trunk: { id: string; gateways: readonly Gateway[] }): Gateway[];
  /** What a call or a check met. True: that is news. */
  set(trunkId: string, gateway: Gateway, state: "up" | "down"): boolean;
  /** A 503: tried last for this long. */
  rest(trunkId: string, gateway: Gateway, forMs: number): void;
  /** Those of now and of the last hour. */
  addresses(trunkId: string, gateway: Gateway): readonly string[];
  setAddresses(trunkId: string, gateway: Gateway, addresses: readonly string[]): void;
  forget(trunkId: string, gateway: Gateway): void;
}

interface Known {
  state?: "up" | "down";
  restsUntil: number;
  /** And when the name had them last. */
  addresses: ReadonlyMap<string, number>;
}

const LONGEST_REST_MS = 5 * 60_000;
/** A gateway calls from where it has our registration, though its name may lead elsewhere since; longer ones are rare. */
const REMEMBERED_MS = 3_600_000;

export function createGatewayBoard(now: () => number = () => performance.now()): GatewayBoard {
  const known = new Map<string, Known>();
  const keyOf = (trunkId: string, gateway: Gateway) => `${trunkId} ${gatewayName(gateway)}`;
  const of = (trunkId: string, gateway: Gateway): Known => {
    const key = keyOf(trunkId, gateway);
    const found = known.get(key) ?? { restsUntil: 0, addresses: new Map() };
    known.set(key, found);
    return found;
  };

  return {
    order({ id, gateways }) {
      const doubtful = (gateway: Gateway) => {
        const found = known.get(keyOf(id, gateway));
        return found !== undefined && (found.state === "down" || found.restsUntil > now());
      };
      return [...gateways.filter((one) => !doubtful(one)), ...gateways.filter(doubtful)];
    },
    set(trunkId, gateway, state) {
      const found = of(trunkId, gateway);
      const news = found.state !== state;
      found.state = state;
      return news;
    },
    rest(trunkId, gateway, forMs) {
      of(trunkId, gateway).restsUntil = now() + Math.min(forMs, LONGEST_REST_MS);
    },
    addresses: (trunkId, gateway) => [...(known.get(keyOf(trunkId, gateway))?.addresses.keys() ?? [])],
    setAddresses(trunkId, gateway, addresses) {
      const found = of(trunkId, gateway);
      const remembered = [...found.addresses].filter(([, seen]) => now() - seen <= REMEMBERED_MS);
      found.addresses = new Map([...remembered, ...addresses.map((address) => [address, now()] as const)]);
    },
    forget(trunkId, gateway) {
      known.delete(keyOf(trunkId, gateway));
    },
  };
}
