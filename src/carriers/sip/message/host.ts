import { isIPv6 } from "node:net";
import { HOST, is, parseNumber } from "./chars.ts";

/**
 * `host[:port]` from `at`: a name, an IPv4 address, or an IPv6 address in brackets (RFC 3261 25.1). `end` is where it ends.
 * Null when there is none, or the port is above 65535.
 */
export function parseHostPort(
  text: string,
  at: number,
  skip: (text: string, at: number) => number = (_, same) => same,
): { host: string; port: number | null; end: number } | null {
  let i = endOfHost(text, at);
  if (i < 0) return null;
  const host = text.slice(at, i);
  const colon = skip(text, i);
  if (text.charCodeAt(colon) !== 58) return { host, port: null, end: i };
  const start = skip(text, colon + 1);
  i = start;
  while (i < text.length && text.charCodeAt(i) >= 48 && text.charCodeAt(i) <= 57) i++;
  const port = parseNumber(text.slice(start, i), 65535);
  return port === null ? null : { host, port, end: i };
}

function endOfHost(text: string, at: number): number {
  if (text.charCodeAt(at) === 91) {
    const close = text.indexOf("]", at);
    // 45: the longest way to write an IPv6 address.
    if (close < 0 || close - at > 46) return -1;
    return isIPv6(text.slice(at + 1, close)) ? close + 1 : -1;
  }
  let i = at;
  while (i < text.length && is(text.charCodeAt(i), HOST)) i++;
  return i === at ? -1 : i;
}

/** Throws when it is no host as a URI or a Via has it. */
export function checkHost(host: string): string {
  if (endOfHost(host, 0) !== host.length) throw new Error(`not a host: ${JSON.stringify(host)}`);
  return host;
}
