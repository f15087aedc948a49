import { createCipheriv, createHmac, createSecretKey } from "node:crypto";
import { MAX_RTP_BYTES } from "./rtp-packet.ts";

/** What SRTP or SRTCP does with a packet, with keys of a session. */
export interface SrtpKeys {
  readonly tagBytes: number;
  /** En- or decrypts from `start` to `end`; `high` and `low` are the packet's index, its upper 32 and its lower 16 bits. */
  crypt: CounterMode;
  /** Authenticates what is before `end` and writes the tag at `at`. Gives where the tag ends. */
  tag(packet: Buffer, end: number, at: number): number;
  /** Checks the tag at `at` over what is before `end`, followed by `rollOver` unless that is -1. */
  verify(packet: Buffer, end: number, at: number, rollOver: number): boolean;
}

export type CounterMode = (packet: Buffer, start: number, end: number, ssrc: number, high: number, low: number) => void;

/** `master`: key and salt, 30 bytes. `label`: 0 for SRTP, 3 for SRTCP (RFC 3711 4.3.1, 4.3.2). */
export function createSrtpKeys(master: Buffer, label: number, tagBytes: number): SrtpKeys {
  if (master.length !== 30) throw new RangeError("An SRTP master key and salt have 30 bytes.");
  const authentication = createSecretKey(deriveKey(master, label + 1, 20));
  const suffix = Buffer.alloc(4);
  const digest = (packet: Buffer, end: number, rollOver: number) => {
    const hmac = createHmac("sha1", authentication).update(packet.subarray(0, end));
    if (rollOver >= 0) {
      suffix.writeUInt32BE(rollOver);
      hmac.update(suffix);
    }
    return hmac.digest();
  };

  return {
    tagBytes,
    crypt: createCounterMode(deriveKey(master, label, 16), deriveKey(master, label + 2, 14)),
    tag(packet, end, at) {
      digest(packet, end, -1).copy(packet, at, 0, tagBytes);
      return at + tagBytes;
    },
    verify(packet, end, at, rollOver) {
      const expected = digest(packet, end, rollOver);
      let difference = 0;
      for (let index = 0; index < tagBytes; index++) difference |= (packet[at + index] ?? 0) ^ (expected[index] ?? 0);
      return difference === 0;
    },
  };
}

/** RFC 3711 4.3.3, with a key derivation rate of 0. */
export function deriveKey(master: Buffer, label: number, length: number): Buffer {
  const counter = Buffer.alloc(16);
  master.copy(counter, 0, 16, 30);
  counter[7] = (counter[7] ?? 0) ^ label;
  return createCipheriv("aes-128-ctr", master.subarray(0, 16), counter).update(Buffer.alloc(length));
}

/** Counter blocks of one packet, and of all packets in turn. */
const blocks = Buffer.alloc(MAX_RTP_BYTES + 16);

/**
 * AES in counter mode (RFC 3711 4.1.1). One AES-ECB cipher for all packets makes the key stream out of counter blocks: a
 * quarter of what a new CTR cipher for each packet costs.
 */
export function createCounterMode(key: Buffer, salt: Buffer): CounterMode {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  const first = Buffer.alloc(16);
  return (packet, start, end, ssrc, high, low) => {
    salt.copy(first);
    first.writeUInt32BE((first.readUInt32BE(4) ^ ssrc) >>> 0, 4);
    first.writeUInt32BE((first.readUInt32BE(8) ^ high) >>> 0, 8);
    first.writeUInt16BE(first.readUInt16BE(12) ^ low, 12);
    const count = (end - start + 15) >> 4;
    for (let block = 0; block < count; block++) {
      const at = block << 4;
      blocks.set(first, at);
      blocks[at + 14] = block >> 8;
      blocks[at + 15] = block & 0xff;
    }
    const stream = cipher.update(blocks.subarray(0, count << 4));
    for (let index = start; index < end; index++) packet[index] = (packet[index] ?? 0) ^ (stream[index - start] ?? 0);
  };
}
