import { BlockList, isIP } from "node:net";

/** Networks whose addresses mean something only within them (RFC 6890). */
const NETWORKS: ReadonlyArray<readonly [address: string, bits: number, family: "ipv4" | "ipv6"]> = [
  ["0.0.0.0", 8, "ipv4"],
  ["10.0.0.0", 8, "ipv4"],
  ["100.64.0.0", 10, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  ["::", 128, "ipv6"],
  ["::1", 128, "ipv6"],
  ["fc00::", 7, "ipv6"],
  ["fe80::", 10, "ipv6"],
];

const lists = NETWORKS.map(([address, bits, family]) => {
  const list = new BlockList();
  list.addSubnet(address, bits, family);
  return list;
});

const networkOf = (address: string): number => {
  const version = isIP(address);
  return version === 0 ? -1 : lists.findIndex((list) => list.check(address, version === 6 ? "ipv6" : "ipv4"));
};

const isLoopback = (address: string): boolean => address === "::1" || address.startsWith("127.");

/**
 * Whether a host of Contact or Record-Route can only be one behind the NAT of a peer that was met at `address`: it is private, and
 * of another network. Peers behind a container's bridge or an office's router say so. Whoever is on this machine may know any.
 */
export function isBehindNat(host: string, address: string): boolean {
  const network = networkOf(host);
  return network >= 0 && !isLoopback(address) && network !== networkOf(address);
}
