import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSpeechCache } from "../../../src/voice/speech/createSpeechCache.ts";
import type { Speech } from "../../../src/voice/speech/speech.ts";
import { spoken } from "./support.ts";

/** Speaks four pieces of 1,000 samples, each when it is let. */
function counted({ free = true, failAt = Number.NaN } = {}) {
  const lines: string[] = [];
  const aborted: string[] = [];
  let gate = Promise.withResolvers<void>();
  const speech: Speech = {
    async *speak({ text }, signal) {
      lines.push(text);
      signal.addEventListener("abort", () => aborted.push(text), { once: true });
      for (let piece = 0; piece < 4; piece++) {
        if (!free) {
          await gate.promise;
          gate = Promise.withResolvers();
        }
        signal.throwIfAborted();
        if (piece === failAt) throw new Error("broken");
        yield new Int16Array(1_000).fill(piece + 1);
      }
    },
  };
  return { speech, lines, aborted, next: () => gate.resolve() };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("the cache of spoken lines", () => {
  test("a line is synthesised once; text, language and voice tell lines apart", async () => {
    const { speech, lines } = counted();
    const cache = createSpeechCache(speech);
    const first = await spoken(cache, { text: "a" });
    assert.equal(first.length, 4_000);
    assert.deepEqual(await spoken(cache, { text: "a" }), first);
    assert.equal(lines.length, 1);
    await spoken(cache, { text: "b" });
    await spoken(cache, { text: "a", language: "he" });
    await spoken(cache, { text: "a", voice: "Dan" });
    assert.equal(lines.length, 4);
  });

  test("whoever asks meanwhile shares the synthesis from its beginning, and hears what is there at once", async () => {
    const { speech, lines, next } = counted({ free: false });
    const cache = createSpeechCache(speech);
    const all = Promise.all(Array.from({ length: 20 }, () => spoken(cache, { text: "a" })));
    await tick();
    next();
    await tick();
    const late = cache.speak({ text: "a", language: "en", voice: "Rachel" }, new AbortController().signal)[Symbol.asyncIterator]();
    assert.equal((await late.next()).value?.[0], 1);
    for (let piece = 2; piece <= 4; piece++) {
      next();
      await tick();
      assert.equal((await late.next()).value?.[0], piece);
    }
    for (const samples of await all) assert.equal(samples.length, 4_000);
    assert.equal(lines.length, 1);
  });

  test("one listener's abort is its own; the last one's ends the synthesis, and the next call starts anew", async () => {
    const { speech, lines, aborted, next } = counted({ free: false });
    const cache = createSpeechCache(speech);
    const [first, second] = [new AbortController(), new AbortController()];
    const results = [first, second].map(({ signal }) => spoken(cache, { text: "a" }, signal));
    await tick();
    first.abort(new Error("first"));
    await assert.rejects(results[0] as Promise<unknown>, /first/);
    assert.deepEqual(aborted, []);
    second.abort(new Error("second"));
    await assert.rejects(results[1] as Promise<unknown>, /second/);
    assert.deepEqual(aborted, ["a"]);
    next();
    await tick();
    const third = spoken(cache, { text: "a" });
    for (let piece = 0; piece < 4; piece++) {
      await tick();
      next();
    }
    assert.equal((await third).length, 4_000);
    assert.equal(lines.length, 2);
  });

  test("a failure reaches everybody who listens, and is not kept", async () => {
    const { speech, lines } = counted({ failAt: 2 });
    const cache = createSpeechCache(speech);
    const both = await Promise.allSettled([spoken(cache, {}), spoken(cache, {})]);
    assert.deepEqual(
      both.map(({ status }) => status),
      ["rejected", "rejected"],
    );
    assert.equal(lines.length, 1);
    await assert.rejects(spoken(cache, {}), /broken/);
    assert.equal(lines.length, 2);
  });

  test("keeps no more bytes than it may: the longest unused line goes first", async () => {
    const { speech, lines } = counted();
    // A line has 8,000 bytes.
    const cache = createSpeechCache(speech, { mostBytes: 80_000 });
    const texts = Array.from({ length: 10 }, (_, index) => `line ${index}`);
    for (const text of texts) await spoken(cache, { text });
    await spoken(cache, { text: "line 0" });
    assert.equal(lines.length, 10);
    await spoken(cache, { text: "one more" });
    await spoken(cache, { text: "line 0" });
    assert.equal(lines.length, 11);
    await spoken(cache, { text: "line 1" });
    assert.equal(lines.length, 12, "line 1 was used the longest time ago");
  });

  test("a line that is too long for it is spoken and not kept", async () => {
    const { speech, lines } = counted();
    const cache = createSpeechCache(speech, { mostBytes: 10_000 });
    for (let time = 0; time < 2; time++) assert.equal((await spoken(cache, {})).length, 4_000);
    assert.equal(lines.length, 2);
  });
});
