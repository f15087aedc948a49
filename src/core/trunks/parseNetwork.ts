import { isIP } from "node:net";

export type ParsedNetwork = { cidr: string; prefix: number; family: 4 | 6 } | { wrong: string };

const MAPPED = 0xffffn << 32n;

/**
 * `203.0.113.0/24`, `2001:db8::/32`, or a single address, to the form that PostgreSQL's cidr has. An IPv4-mapped IPv6 network is the
 * IPv4 one. `wrong` says in words why it is none.
 */
export function parseNetwork(text: string): ParsedNetwork {
  const [, address = "", prefixText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const family = address.includes("%") ? 0 : isIP(address);
  if (family === 0) return { wrong: `${text} is no IP network. Write it such as 203.0.113.0/24, 2001:db8::/32 or 203.0.113.7.` };
  const bits = family === 4 ? 32 : 128;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefix > bits) return { wrong: `${text} is no IP network: an IPv${family} network has a length of 0 to ${bits}.` };
  const value = family === 4 ? valueOfV4(address) : valueOfV6(address);
  if (family === 6 && value >> 32n === 0xffffn && prefix >= 96) return settle(text, value - MAPPED, prefix - 96, 4);
  return settle(text, value, prefix, family === 4 ? 4 : 6);
}

function settle(text: string, value: bigint, prefix: number, family: 4 | 6): ParsedNetwork {
  const bits = family === 4 ? 32 : 128;
  const hostBits = BigInt(bits - prefix);
  const start = (value >> hostBits) << hostBits;
  const write = family === 4 ? writeV4 : writeV6;
  if (start === value) return { cidr: `${write(value)}/${prefix}`, prefix, family };
  // Which of the two was meant decides who may call in, so it is asked and not guessed.
  return { wrong: `${text} is not where a network begins: write ${write(start)}/${prefix}, or ${write(value)} for the one address.` };
}

const valueOfV4 = (address: string): bigint => address.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n);

function valueOfV6(address: string): bigint {
  // URL writes the one canonical form, without dots and with at most one gap (WHATWG URL, IPv6 serializer).
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const groups = (part: string | undefined) => (part ? part.split(":") : []);
  const front = groups(head);
  const back = groups(tail);
  const all = [...front, ...Array.from({ length: 8 - front.length - back.length }, () => "0"), ...back];
  return all.reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n);
}

const writeV4 = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");

function writeV6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(16 * (7 - index))) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}
