import { isIPv6 } from "node:net";
import type { Source } from "../endpoint.ts";

export type Family = 4 | 6;

export function familyOf(address: string): Family {
  return isIPv6(address) ? 6 : 4;
}

/** IPv4-mapped IPv6 as IPv4, which is how sockets for both show it. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
}

/** Whose address it is: of IPv6 its /64, which one subscriber has all of; as sockets write addresses (RFC 5952). */
export function ownerOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.split("::");
  const groups = head.split(":");
  if (tail === undefined) return groups.slice(0, 4).join(":");
  const last = tail.split(":");
  const zeros: string[] = Array(Math.max(0, 8 - groups.length - last.length)).fill("0");
  return [...groups, ...zeros, ...last].slice(0, 4).join(":");
}

export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** An IPv6 address of a URI or a Via stands in brackets. */
export function withoutBrackets(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

export function withBrackets(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** `udp:192.0.2.1:5060`, for logs and keys. */
export function describeSource({ protocol, address, port }: Source): string {
  return `${protocol}:${withBrackets(address)}:${port}`;
}
