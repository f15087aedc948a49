import ipaddr from "ipaddr.js";

/** IANA hands out global unicast IPv6 from here alone; everything else is special or unassigned (RFC 4291, 2.4). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3");

/**
 * Whether an IP address is one that the public internet routes to a single host. Not public: loopback, private, link-local
 * (cloud metadata), carrier-grade NAT, multicast, documentation and every other special range; and IPv6 forms that stand for
 * an IPv4 address (mapped, NAT64, 6to4, Teredo), because a gateway would take them to an address nobody has checked.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && !parsed.match(GLOBAL_UNICAST)) return false;
  return parsed.range() === "unicast";
}
