import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createNegotiation } from "../../../../src/carriers/sip/sdp/createNegotiation.ts";
import { type Direction, type NegotiatedAudio, SdpError } from "../../../../src/carriers/sip/sdp/negotiation.ts";
import type { Codec, SrtpPolicy } from "../../../../src/core/trunks/trunk.ts";

const codecs = fc.constantFrom<readonly Codec[]>(["PCMA"], ["PCMU"], ["PCMA", "PCMU"], ["PCMU", "PCMA"]);
const side = (address: string, port: number) =>
  fc.record({
    address: fc.constant(address),
    port: fc.constant(port),
    codecs,
    srtp: fc.constantFrom<SrtpPolicy>("off", "offer", "require"),
  });
const steps = fc.array(
  fc.record({
    offerer: fc.integer({ min: 0, max: 1 }),
    direction: fc.constantFrom<Direction>("sendrecv", "sendonly", "recvonly", "inactive"),
  }),
  { minLength: 1, maxLength: 6 },
);

const mirror: Record<Direction, Direction> = { sendrecv: "sendrecv", sendonly: "recvonly", recvonly: "sendonly", inactive: "inactive" };

function agree(a: NegotiatedAudio, b: NegotiatedAudio): void {
  assert.equal(a.codec, b.codec);
  assert.equal(a.payloadType, b.payloadType);
  assert.equal(a.sendEventPayloadType, b.receiveEventPayloadType);
  assert.equal(a.receiveEventPayloadType, b.sendEventPayloadType);
  assert.equal(a.direction, mirror[b.direction]);
  assert.equal(a.packetMs, b.packetMs);
  assert.equal(a.srtp === null, b.srtp === null);
  assert.equal(a.srtp?.suite, b.srtp?.suite);
  assert.deepEqual(a.srtp?.localKey, b.srtp?.remoteKey);
  assert.deepEqual(a.srtp?.remoteKey, b.srtp?.localKey);
}

test("whatever one side offers and the other answers, over any number of turns, both agree on the same (RFC 3264)", () => {
  fc.assert(
    fc.property(side("192.0.2.1", 4000), side("2001:db8::2", 6000), steps, (left, right, turns) => {
      const sides = [createNegotiation(left), createNegotiation(right)] as const;
      const common = left.codecs.some((codec) => right.codecs.includes(codec));
      const possible = common && !([left.srtp, right.srtp].includes("off") && [left.srtp, right.srtp].includes("require"));
      for (const { offerer, direction } of turns) {
        const [one, other] = offerer === 0 ? sides : ([sides[1], sides[0]] as const);
        const offer = one.offer(direction);
        let answered: ReturnType<typeof other.answer>;
        try {
          answered = other.answer(offer);
        } catch (error) {
          assert.ok(error instanceof SdpError && error.status === 488 && !possible, String(error));
          one.withdraw();
          continue;
        }
        assert.ok(possible);
        const accepted = one.accept(answered.sdp);
        agree(accepted, answered.audio);
        assert.equal(accepted.remote?.port, other === sides[0] ? 4000 : 6000);
        if (left.srtp === "require" || right.srtp === "require") assert.ok(accepted.srtp);
      }
    }),
    { seed: 3264, numRuns: 500 },
  );
});
