import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { checkRecordingLink, type RecordingLink, signRecordingLink } from "../../../src/core/recordings/recordingLink.ts";
import { newId } from "../../../src/platform/ids.ts";
import { createSecretBox } from "../../../src/platform/secrets.ts";

const NOW = new Date("2026-06-01T10:00:00Z");
const house = (key = "a master key that is long enough to be one", now = NOW) => ({
  secrets: createSecretBox(key),
  clock: { now: () => now, sleep: () => Promise.resolve() },
});
const call = { workspaceId: newId(), callId: newId() };
const INVALID = { ok: false, reason: "invalid" };
const OPEN = { ok: true, workspaceId: call.workspaceId };
const inMs = (ms: number) => new Date(NOW.getTime() + ms);

describe("a link to a recording", () => {
  test("opens its own call, in its own workspace, for as long as it says", () => {
    assert.deepEqual(checkRecordingLink(house(), call.callId, signRecordingLink(house(), call)), OPEN);
    const short = signRecordingLink(house(), call, inMs(60_000));
    assert.equal(short.exp, NOW.getTime() / 1000 + 60);
    assert.deepEqual(checkRecordingLink(house(), call.callId, short), OPEN);
    assert.deepEqual(checkRecordingLink(house(undefined, inMs(59_999)), call.callId, short), OPEN);
    assert.deepEqual(checkRecordingLink(house(undefined, inMs(60_000)), call.callId, short), { ok: false, reason: "expired" });
  });

  test("the id may be written in capitals", () => {
    assert.deepEqual(checkRecordingLink(house(), call.callId.toUpperCase(), signRecordingLink(house(), call)), OPEN);
  });

  test("no other call, no other installation, no other time", () => {
    const permanent = signRecordingLink(house(), call);
    const short = signRecordingLink(house(), call, inMs(60_000));
    assert.deepEqual(checkRecordingLink(house(), newId(), permanent), INVALID);
    assert.deepEqual(checkRecordingLink(house("another master key that is long enough too"), call.callId, permanent), INVALID);
    // A link that ends is not made endless, or longer, by what the reader writes.
    assert.deepEqual(checkRecordingLink(house(), call.callId, { sig: short.sig }), INVALID);
    assert.deepEqual(checkRecordingLink(house(), call.callId, { sig: short.sig, exp: (short.exp ?? 0) + 1 }), INVALID);
    assert.deepEqual(checkRecordingLink(house(), call.callId, { sig: permanent.sig, exp: 9_999_999_999 }), INVALID);
  });

  test("every changed bit of the signature, and every other length or spelling, is refused", () => {
    const { sig } = signRecordingLink(house(), call);
    const bytes = Buffer.from(sig, "base64url");
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.deepEqual(checkRecordingLink(house(), call.callId, { sig: changed.toString("base64url") }), INVALID, `bit ${bit}`);
    }
    for (const other of ["", "x", sig.slice(1), sig.slice(0, -4), `${sig}AAAA`, `${sig}=`, ` ${sig}`, `${sig}!`, sig.repeat(2)]) {
      assert.deepEqual(checkRecordingLink(house(), call.callId, { sig: other } satisfies RecordingLink), INVALID, other);
    }
  });
});

test("what is signed for one purpose is nothing for another", () => {
  const { mac } = createSecretBox("a master key that is long enough to be one");
  assert.equal(mac("a", "text").length, 32);
  assert.deepEqual(mac("a", "text"), mac("a", "text"));
  assert.notDeepEqual(mac("a", "text"), mac("b", "text"));
  assert.notDeepEqual(mac("a", "text"), mac("a", "texts"));
});
