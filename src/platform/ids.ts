import { randomFillSync } from "node:crypto";
import { validate } from "uuid";

/** Random bytes are drawn in bulk: one system call for many ids. */
const pool = Buffer.alloc(8_192);
const BYTES_PER_ID = 10;
let used = pool.length;

let lastMs = 0;
/** 32 bits: random at the first id of a millisecond, then counting (RFC 9562, section 6.2, method 1). */
let sequence = 0;

/**
 * A new row key: a uuid v7 (RFC 9562, section 5.7) whose first 32 bits after the time count within a millisecond. Ids of one
 * process are distinct even when cut to `uidOf`'s length, and sort in the order they were made.
 */
export function newId(): string {
  if (used + BYTES_PER_ID > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = pool.readUInt32BE(used) >>> 1;
  } else if (++sequence > 0xffffffff) {
    // Only after two billion ids in one millisecond.
    lastMs++;
    sequence = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  const high = (0x7000 | (sequence >>> 20)).toString(16);
  const middle = (0x8000 | ((sequence >>> 6) & 0x3fff)).toString(16);
  const low = (((sequence & 0x3f) << 2) | (pool.readUInt8(used + 4) & 3)).toString(16).padStart(2, "0");
  const random = pool.toString("hex", used + 5, used + 10);
  used += BYTES_PER_ID;
  return `${time.slice(0, 8)}-${time.slice(8)}-${high}-${middle}-${low}${random}`;
}

export const isUuid = (value: string): boolean => validate(value);

const UID_LENGTH = 16;
const ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
const TIME_BITS = 48n;
const SEQUENCE_BITS = 34n;

/**
 * The 16-character form of a uuid v7, `[a-z0-9]{16}`: its millisecond time and the 34 bits after it, in base 36. `newId`
 * counts in those bits, so a uid can be looked up as a range of the primary key, with no column and no index of its own.
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
