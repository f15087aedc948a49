import { BlockList, isIPv6 } from "node:net";
import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";

type Networks = Pick<OpenTrunk, "inbound_networks">;

const lists = new WeakMap<object, BlockList>();

/** Whether calls from this IP address need no credentials, as the trunk's inbound networks say. */
export function isInNetworks(trunk: Networks, address: string): boolean {
  const list = lists.get(trunk) ?? networksOf([trunk]);
  lists.set(trunk, list);
  return isIn(list, address);
}

export const isIn = (list: BlockList, address: string): boolean => list.check(address, isIPv6(address) ? "ipv6" : "ipv4");

/** The inbound networks of all of them. */
export function networksOf(trunks: readonly Networks[]): BlockList {
  const list = new BlockList();
  for (const network of trunks.flatMap(({ inbound_networks }) => inbound_networks)) {
    const [address = "", prefix] = network.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    list.addSubnet(address, prefix === undefined ? (family === "ipv6" ? 128 : 32) : Number(prefix), family);
  }
  return list;
}
