import type { Config } from "../../config.ts";
import { createEspeakNg } from "../../voice/speech/createEspeakNg.ts";
import { type Finding, ok, problem } from "./finding.ts";

const ABOUT = "agents' voice";
const INSTALL = "Install it (Debian and Ubuntu: apt-get install espeak-ng), or set TTS_URL to a speech service.";

/** Whether agents can speak on the telephone. A speech service is not asked: that may cost money. */
export async function checkVoice({ TTS_PROVIDER, TTS_URL, TTS_MODEL }: Config): Promise<Finding> {
  if (TTS_PROVIDER === "none") return problem(ABOUT, "TTS_PROVIDER is none, but numbers are on a trunk: agents say nothing there.");
  if (TTS_PROVIDER === "openai" || (TTS_PROVIDER === "auto" && TTS_URL !== undefined)) {
    if (TTS_URL === undefined) return problem(ABOUT, "TTS_PROVIDER is openai, but TTS_URL is not set: agents say nothing.");
    return ok(ABOUT, `${TTS_MODEL} of ${new URL(TTS_URL).origin}`);
  }
  if (await createEspeakNg()) return ok(ABOUT, "espeak-ng");
  return problem(ABOUT, `Agents say nothing: espeak-ng is not installed. ${INSTALL}`);
}
