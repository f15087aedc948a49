import assert from "node:assert/strict";
import { createSpeech } from "../../../src/voice/speech/createSpeech.ts";

/** A line as an agent's voice says it, 8 kHz. */
export async function spoken(text: string): Promise<Int16Array> {
  const speech = await createSpeech({ provider: "espeak-ng", model: "", voice: "" }, assert.fail);
  const parts: Int16Array[] = [];
  for await (const part of speech?.speak({ text, language: "en", voice: "Rachel" }, new AbortController().signal) ?? [])
    parts.push(part.slice());
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
