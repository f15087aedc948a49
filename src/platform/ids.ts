import { v7, validate } from "uuid";

/** A new row key: uuid v7, so keys of one process sort by the order they were made in (RFC 9562, section 5.7). */
export const newId = (): string => v7();

export const isUuid = (value: string): boolean => validate(value);

const UID_LENGTH = 16;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const TIME_BITS = 48n;
const SEQUENCE_BITS = 34n;

/**
 * The 16-character form of a uuid v7, `[a-z0-9]{16}`: its millisecond time and the 34 bits after it, in base 36.
 * The `uuid` package puts a per-process sequence there, so two ids of one process never share a uid, and a uid can be
 * looked up as a range of the primary key, with no column and no index of its own (`uidRange`).
 */
export function uidOf(id: string): string {
  const bits = BigInt(`0x${id.replaceAll("-", "")}`);
  const time = bits >> 80n;
  const sequenceHigh = (bits >> 64n) & 0xfffn;
  const sequenceLow = (bits >> 40n) & 0x3fffffn;
  return ((time << SEQUENCE_BITS) | (sequenceHigh << 22n) | sequenceLow).toString(36).padStart(UID_LENGTH, "0");
}

/** The first and last uuid v7 whose `uidOf` is `uid`; undefined when `uid` is not the uid of any. */
export function uidRange(uid: string): { from: string; to: string } | undefined {
  if (!/^[a-z0-9]{16}$/.test(uid)) return undefined;
  let value = 0n;
  for (const character of uid) value = value * 36n + BigInt(ALPHABET.indexOf(character));
  if (value >> (TIME_BITS + SEQUENCE_BITS) !== 0n) return undefined;
  const time = value >> SEQUENCE_BITS;
  const sequenceHigh = (value >> 22n) & 0xfffn;
  const sequenceLow = value & 0x3fffffn;
  const base = (time << 80n) | (7n << 76n) | (sequenceHigh << 64n) | (2n << 62n) | (sequenceLow << 40n);
  return { from: uuidOf(base), to: uuidOf(base | 0xffffffffffn) };
}

function uuidOf(bits: bigint): string {
  const hex = bits.toString(16).padStart(32, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
