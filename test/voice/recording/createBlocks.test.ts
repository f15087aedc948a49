import assert from "node:assert/strict";
import { test } from "node:test";
import { createBlocks } from "../../../src/voice/recording/createBlocks.ts";

test("a block is used again once it is free, and never by two at once; its samples and its bytes are the same memory", () => {
  const blocks = createBlocks(4);
  const [one, other] = [blocks.take(), blocks.take()];
  assert.notEqual(one, other);
  one.samples.set([1, 2, 3, 4]);
  assert.deepEqual([one.bytes.length, one.bytes.readInt16LE(6)], [8, 4]);
  one.free();
  assert.equal(blocks.take(), one);
  assert.notEqual(blocks.take(), one);
  other.free();
  assert.equal(blocks.take(), other);
});

test("after many at once not all of them are kept", () => {
  const blocks = createBlocks(4);
  const taken = Array.from({ length: 200 }, () => blocks.take());
  for (const block of taken) block.free();
  const again = Array.from({ length: 200 }, () => blocks.take());
  assert.equal(again.filter((block) => taken.includes(block)).length, 64);
});
