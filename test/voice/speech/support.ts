import type { Speech, SpeechLine } from "../../../src/voice/speech/speech.ts";

/** Everything that a speech says of a line. */
export async function spoken(speech: Speech, line: Partial<SpeechLine>, signal = new AbortController().signal): Promise<Int16Array> {
  const pieces: Int16Array[] = [];
  for await (const piece of speech.speak({ text: "Hello", language: "en", voice: "Rachel", ...line }, signal)) pieces.push(piece);
  return joined(pieces);
}

export function joined(pieces: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

export const sine = (hertz: number, rate: number, seconds: number, amplitude = 16_000): Int16Array =>
  Int16Array.from({ length: Math.round(rate * seconds) }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hertz * index) / rate)),
  );

export const peakOf = (samples: Int16Array): number => samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);

/** Root mean square. */
export const loudnessOf = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample ** 2, 0) / Math.max(1, samples.length));
