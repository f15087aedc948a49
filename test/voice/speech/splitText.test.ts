import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { splitText } from "../../../src/voice/speech/splitText.ts";

test("a text that fits stays whole", () => {
  assert.deepEqual(splitText("Hello. How are you?", 19), ["Hello. How are you?"]);
  assert.deepEqual(splitText("", 10), [""]);
});

test("cut after sentences, else clauses, else words, else anywhere", () => {
  assert.deepEqual(splitText("One two three. Four five six. Seven", 31), ["One two three. Four five six.", "Seven"]);
  assert.deepEqual(splitText("One two three, four five six, seven", 31), ["One two three, four five six,", "seven"]);
  assert.deepEqual(splitText("One two three four", 12), ["One two", "three four"]);
  assert.deepEqual(splitText("x".repeat(25), 10), ["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
  assert.deepEqual(splitText("😀😀😀", 3), ["😀", "😀", "😀"]);
});

test("nothing is lost, and no part is too long", () => {
  const text = fc.array(fc.constantFrom("a", "word", " ", ". ", ", ", "שלום", "😀", "\n")).map((pieces) => pieces.join(""));
  fc.assert(
    fc.property(text, fc.integer({ min: 2, max: 40 }), (whole, most) => {
      const parts = splitText(whole, most);
      assert.ok(parts.every((part) => part.length <= most));
      assert.equal(parts.join("").replace(/\s/g, ""), whole.replace(/\s/g, ""));
      assert.ok(parts.every((part) => part.isWellFormed()));
    }),
  );
});
