import { isIP } from "node:net";
import { domainToASCII } from "node:url";

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A host name (RFC 1123 2.1; in its ASCII form, lower case) or an IP address, IPv6 with or without brackets and returned without.
 * Undefined for what is neither, and for the unspecified address, which is nobody's.
 */
export function parseHost(text: string): string | undefined {
  const bare = /^\[(.*)\]$/.exec(text)?.[1];
  const address = bare ?? text;
  if (isIP(address) !== 0) return isUsable(address) ? address.toLowerCase() : undefined;
  if (bare !== undefined) return undefined;
  const name = domainToASCII(text.replace(/\.$/, "")).toLowerCase();
  const labels = name.split(".");
  // A last label of digits alone is an IP address that went wrong (RFC 3261 25.1 has toplabel begin with a letter).
  const wellFormed = name.length <= 253 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? "");
  return wellFormed ? name : undefined;
}

/** A zone (`%eth0`) has no place in SIP. */
const isUsable = (address: string): boolean => !address.includes("%") && !/^(0\.0\.0\.0|[0:]+)$/.test(address);
