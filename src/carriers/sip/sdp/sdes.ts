import type { NegotiatedSrtp } from "./negotiation.ts";

/** Keys in a session description (RFC 4568). */

export type Suite = NegotiatedSrtp["suite"];
export const suites: readonly Suite[] = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"];

/** Master key and salt of both suites: 16 and 14 bytes (6.2). */
export const keyBytes = 30;

export interface SdesKey {
  /** Decimal; ties an answer's key to the offered one. */
  readonly tag: string;
  readonly suite: Suite;
  readonly key: Buffer;
}

/**
 * The value of an a=crypto line: `1 suite inline:key|lifetime params`. Null for what we cannot do: another suite, several keys or a
 * master key identifier, session parameters that change the packets (6.3; WSH and those marked optional by `-` do not).
 */
export function parseSdes(value: string): SdesKey | null {
  const [tag = "", name, inline = "", ...session] = value.split(/[ \t]+/);
  const suite = suites.find((one) => one === name);
  if (!suite || !/^\d{1,9}$/.test(tag) || !/^inline:/i.test(inline)) return null;
  if (session.some((one) => !one.startsWith("-") && !/^WSH=\d+$/.test(one))) return null;
  const [text = "", lifetime, ...more] = inline.slice("inline:".length).split("|");
  if (inline.includes(";") || more.length > 0 || (lifetime !== undefined && !/^(2\^)?\d{1,15}$/.test(lifetime))) return null;
  if (!/^[A-Za-z0-9+/]{40}={0,2}$/.test(text)) return null;
  const key = Buffer.from(text, "base64");
  return key.length === keyBytes ? { tag, suite, key } : null;
}

export const writeSdes = ({ tag, suite, key }: SdesKey): string => `${tag} ${suite} inline:${key.toString("base64")}`;
