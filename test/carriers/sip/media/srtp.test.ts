import assert from "node:assert/strict";
import { createCipheriv, createHmac, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { createSrtpReceiver, createSrtpSender } from "../../../../src/carriers/sip/media/srtp.ts";
import { createCounterMode, createSrtpKeys, deriveKey } from "../../../../src/carriers/sip/media/srtp-keys.ts";
import { rtpPacket } from "./support.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(/\s/g, ""), "hex");
const SUITES = ["AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"] as const;

test("key stream of RFC 3711 B.2", () => {
  const crypt = createCounterMode(hex("2B7E151628AED2A6ABF7158809CF4F3C"), hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
  const stream = Buffer.alloc(48);
  crypt(stream, 0, 48, 0, 0, 0);
  assert.deepEqual(stream, hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0"));
});

test("derived keys of RFC 3711 B.3", () => {
  const master = hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
  assert.deepEqual(deriveKey(master, 0, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
  assert.deepEqual(deriveKey(master, 2, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
  assert.deepEqual(deriveKey(master, 1, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA4"));
});

for (const suite of SUITES)
  describe(suite, () => {
    const tag = suite.endsWith("80") ? 10 : 4;
    const master = randomBytes(30);
    const payload = randomBytes(160);
    const protectedPacket = (sender: ReturnType<typeof createSrtpSender>, sequence: number, ssrc = 7) => {
      const room = Buffer.alloc(200);
      const plain = rtpPacket({ payload, sequence, timestamp: sequence * 160, ssrc });
      plain.copy(room);
      return Buffer.from(room.subarray(0, sender.protect(room, plain.length, 12)));
    };

    test("a packet is what node:crypto makes of it step by step (RFC 3711 3.1, 4.1, 4.2)", () => {
      const packet = protectedPacket(createSrtpSender(suite, master), 4_711, 0xcafe_babe);
      assert.equal(packet.length, 12 + 160 + tag);
      const vector = Buffer.alloc(16);
      deriveKey(master, 2, 14).copy(vector);
      for (const [index, byte] of [0xca, 0xfe, 0xba, 0xbe].entries()) vector[4 + index] = (vector[4 + index] ?? 0) ^ byte;
      vector.writeUInt16BE(vector.readUInt16BE(12) ^ 4_711, 12);
      assert.deepEqual(packet.subarray(12, 172), createCipheriv("aes-128-ctr", deriveKey(master, 0, 16), vector).update(payload));
      const digest = createHmac("sha1", deriveKey(master, 1, 20))
        .update(packet.subarray(0, 172))
        .update(Buffer.alloc(4))
        .digest();
      assert.deepEqual(packet.subarray(172), digest.subarray(0, tag));
    });

    test("what was protected comes out again; once (RFC 3711 3.3.2)", () => {
      const [sender, receiver] = [createSrtpSender(suite, master), createSrtpReceiver(suite, master)];
      const packet = protectedPacket(sender, 10);
      const again = Buffer.from(packet);
      assert.equal(receiver.unprotect(packet, 12), 172);
      assert.deepEqual(packet.subarray(12, 172), payload);
      assert.equal(receiver.unprotect(again, 12), -1);
    });

    test("every flipped bit is noticed, and costs nothing but the packet", () => {
      const [sender, receiver] = [createSrtpSender(suite, master), createSrtpReceiver(suite, master)];
      const packet = protectedPacket(sender, 10);
      for (let bit = 0; bit < packet.length * 8; bit += 7) {
        const forged = Buffer.from(packet);
        forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        assert.equal(receiver.unprotect(forged, 12), -1, `bit ${bit}`);
      }
      assert.equal(receiver.unprotect(packet, 12), 172);
    });

    test("the sequence wraps, with losses and late packets around it (RFC 3711 3.3.1)", () => {
      const [sender, receiver] = [createSrtpSender(suite, master), createSrtpReceiver(suite, master)];
      const held: Buffer[] = [];
      for (let index = 65_000; index < 65_536 * 2 + 600; index++) {
        const packet = protectedPacket(sender, index & 0xffff);
        const turn = index & 0xffff;
        if (turn >= 65_530 || turn < 5 ? index % 3 !== 0 : index % 500 !== 0) {
          if (turn === 65_534 || turn === 65_535) held.push(packet);
          continue;
        }
        assert.equal(receiver.unprotect(packet, 12), 172, `packet ${index}`);
        if (turn === 500 || turn === 3) while (held.length > 0) receiver.unprotect(held.pop() ?? packet, 12);
      }
    });

    test("a late packet from before the wrap is still read", () => {
      const [sender, receiver] = [createSrtpSender(suite, master), createSrtpReceiver(suite, master)];
      const packets = [65_533, 65_534, 65_535, 0, 1].map((sequence) => protectedPacket(sender, sequence));
      for (const index of [0, 3, 4, 2, 1]) assert.equal(receiver.unprotect(packets[index] ?? Buffer.alloc(0), 12), 172);
    });

    test("a source that is first heard after its sequence has wrapped is read from its first packet on, and each of them once", () => {
      const [sender, receiver] = [createSrtpSender(suite, master), createSrtpReceiver(suite, master)];
      const late = protectedPacket(sender, 65_535);
      const packets = [40, 41, 42].map((sequence) => protectedPacket(sender, sequence));
      for (const packet of packets) {
        const [again, forged] = [Buffer.from(packet), Buffer.from(packet)];
        forged[20] = (forged[20] ?? 0) ^ 1;
        assert.equal(receiver.unprotect(forged, 12), -1, "forged");
        assert.equal(receiver.unprotect(packet, 12), 172);
        assert.equal(receiver.unprotect(again, 12), -1, "again");
      }
      assert.deepEqual(packets[0]?.subarray(12, 172), payload);
      assert.equal(receiver.unprotect(late, 12), 172, "late, from before the wrap");
      assert.deepEqual(
        [...receiver.sources.values()].map(({ rollOver, highest }) => [rollOver, highest]),
        [[1, 42]],
      );
    });

    test("a new key: the roll-over counter goes on, or begins at 0 when the sender has never known the old key (RFC 3711 3.3.1)", () => {
      const next = randomBytes(30);
      const [sender, receiver, goesOn] = [
        createSrtpSender(suite, master),
        createSrtpReceiver(suite, master),
        createSrtpSender(suite, next),
      ];
      // Wraps twice.
      for (let index = 40_000; index < 65_536 * 2 + 64; index += 1_000) {
        assert.equal(receiver.unprotect(protectedPacket(sender, index & 0xffff), 12), 172);
        protectedPacket(goesOn, index & 0xffff);
      }
      const first = protectedPacket(goesOn, 64);
      const renewed = createSrtpReceiver(suite, next, receiver);
      const again = Buffer.from(first);
      assert.equal(renewed.unprotect(first, 12), 172);
      assert.equal(renewed.unprotect(again, 12), -1, "once");
      assert.equal(renewed.unprotect(protectedPacket(goesOn, 65), 12), 172);
      assert.equal(createSrtpReceiver(suite, next).unprotect(protectedPacket(goesOn, 66), 12), -1);

      const fresh = createSrtpSender(suite, next);
      const other = createSrtpReceiver(suite, next, receiver);
      for (const sequence of [64, 65, 66]) assert.equal(other.unprotect(protectedPacket(fresh, sequence), 12), 172);
    });

    test("what is longer than any packet is refused, even when it is authentic", () => {
      const receiver = createSrtpReceiver(suite, master);
      const packet = Buffer.alloc(4_000 + 14);
      packet.set(hex("80c903e7 01020304"));
      packet.writeUInt32BE(0x8000_0001, 4_000);
      createSrtpKeys(master, 3, 10).tag(packet, 4_004, 4_004);
      assert.equal(receiver.unprotectRtcp(packet), -1);
    });

    test("reports (RFC 3711 3.4)", () => {
      const [sender, receiver] = [createSrtpSender(suite, master), createSrtpReceiver(suite, master)];
      const plain = Buffer.concat([hex("80c90001 01020304"), randomBytes(24)]);
      for (let turn = 0; turn < 3; turn++) {
        const room = Buffer.alloc(100);
        plain.copy(room);
        const packet = Buffer.from(room.subarray(0, sender.protectRtcp(room, plain.length)));
        // The tag of SRTCP has 80 bits with both suites (RFC 4568 6.2).
        assert.equal(packet.length, plain.length + 4 + 10);
        assert.equal(packet.readUInt32BE(plain.length), 0x8000_0000 + turn);
        const [again, forged] = [Buffer.from(packet), Buffer.from(packet)];
        forged[9] = (forged[9] ?? 0) ^ 1;
        assert.equal(receiver.unprotectRtcp(forged), -1);
        assert.equal(receiver.unprotectRtcp(packet), plain.length);
        assert.deepEqual(packet.subarray(0, plain.length), plain);
        assert.equal(receiver.unprotectRtcp(again), -1);
      }
    });

    test("short and random packets are refused", () => {
      const receiver = createSrtpReceiver(suite, master);
      for (let length = 0; length < 40; length++) {
        assert.equal(receiver.unprotectRtcp(randomBytes(length)), -1);
        if (length >= 12) assert.equal(receiver.unprotect(randomBytes(length), 12), -1);
      }
    });
  });
