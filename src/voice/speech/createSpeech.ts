import { createEspeakNg } from "./createEspeakNg.ts";
import { createSpeechCache } from "./createSpeechCache.ts";
import { createSpeechService } from "./createSpeechService.ts";
import type { Speech } from "./speech.ts";

/** The settings TTS_*. */
export interface SpeechOptions {
  /** `auto`: the service when there is a `url`, else espeak-ng when it is installed. */
  provider: "auto" | "espeak-ng" | "openai" | "none";
  url?: string | undefined;
  apiKey?: string | undefined;
  model: string;
  voice: string;
}

/** ASCII that is seen; RFC 6750 2.1 allows no more in a header. */
const A_KEY = /^[\x21-\x7e]+$/;

/** Undefined when agents have no voice. A provider that was asked for by name and cannot be used is told to `complain`. */
export async function createSpeech(options: SpeechOptions, complain: (message: string) => void): Promise<Speech | undefined> {
  const provider = options.provider === "auto" ? (options.url ? "openai" : "espeak-ng") : options.provider;
  if (provider === "none") return undefined;
  if (provider === "openai") {
    const { url, apiKey, model, voice } = options;
    // Told here: the error of a header that cannot be sent would show the key in every call.
    if (apiKey !== undefined && !A_KEY.test(apiKey))
      complain("TTS_API_KEY has characters that no key has: agents cannot speak on the telephone.");
    else if (url) return createSpeechCache(createSpeechService({ url, apiKey, model, voice }));
    else complain("TTS_PROVIDER is openai, but TTS_URL is not set: agents cannot speak on the telephone.");
    return undefined;
  }
  const espeak = await createEspeakNg();
  if (espeak) return createSpeechCache(espeak);
  if (options.provider === "espeak-ng")
    complain("TTS_PROVIDER is espeak-ng, but it is not installed: agents cannot speak on the telephone.");
  return undefined;
}
