import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { SAMPLE_RATE } from "../../carriers/carrier.ts";
import { createGate } from "./createGate.ts";
import { createWavReader } from "./createPcmReader.ts";
import { createResampler, type Resampler } from "./createResampler.ts";
import { readVoices, voiceFor } from "./espeak-voices.ts";
import { resampleInTurns } from "./resampleInTurns.ts";
import { type Speech, SpeechError, type SpeechLine } from "./speech.ts";

export interface EspeakNgOptions {
  program?: string;
  /** Processes at once; further lines wait for one to end. */
  atOnce?: number;
}

const AT_ONCE = 3;
/** It makes speech about a hundred times as fast as it is spoken. */
const TIMEOUT_MS = 20_000;
const VOICES_TIMEOUT_MS = 5_000;
/** Of 0 to 200. At the default of 100, loud vowels reach full scale and would clip. */
const AMPLITUDE = "60";
/** Of all its voices but some that come separately. */
const USUAL_RATE = 22_050;

/** At home it would make itself a folder for sound settings that it never uses. */
const environment = (): NodeJS.ProcessEnv => ({ ...process.env, HOME: "/dev/null" });

/** The voice of the program espeak-ng; undefined when it is not installed. */
export async function createEspeakNg({ program = "espeak-ng", atOnce = AT_ONCE }: EspeakNgOptions = {}): Promise<Speech | undefined> {
  const listing = await promisify(execFile)(program, ["--voices"], { timeout: VOICES_TIMEOUT_MS, env: environment() }).catch(
    () => undefined,
  );
  if (!listing) return undefined;
  const voices = readVoices(listing.stdout);
  const gate = createGate(atOnce);
  // Its filter takes some 30 ms to design, which are not to be those of somebody's call.
  createResampler(USUAL_RATE, SAMPLE_RATE);
  return {
    async *speak(line, signal) {
      const leave = await gate.enter(signal);
      const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      try {
        yield* synthesise(program, voiceFor(line.language, voices), line, limit);
      } catch (error) {
        signal.throwIfAborted();
        if (limit.aborted) throw new SpeechError(`espeak-ng took more than ${TIMEOUT_MS / 1000} seconds for a line.`, { cause: error });
        throw error;
      } finally {
        leave();
      }
    },
  };
}

/** The text goes through standard input: it never meets a shell or the list of processes. */
async function* synthesise(program: string, voice: string, { text }: SpeechLine, signal: AbortSignal): AsyncGenerator<Int16Array> {
  signal.throwIfAborted();
  const child = spawn(program, ["-v", voice, "-b", "1", "-a", AMPLITUDE, "-z", "--stdin", "--stdout"], {
    stdio: "pipe",
    env: environment(),
  });
  const exited = exitOf(child);
  // It has no streams either, when there was no file descriptor left for them.
  if (child.pid === undefined) {
    const { error } = await exited;
    throw new SpeechError(`espeak-ng could not be started: ${error?.message}`, { cause: error });
  }
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  // A process that ends early does not read its text; how it ended tells more.
  child.stdin.on("error", () => undefined);
  child.stdin.end(speakable(text));
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    complaint = (complaint + piece).slice(-500);
  });
  try {
    const wav = createWavReader();
    let resampler: Resampler | undefined;
    for await (const bytes of child.stdout as AsyncIterable<Buffer>) {
      const samples = wav.push(bytes);
      if (samples.length === 0) continue;
      resampler ??= createResampler(wav.sampleRate, SAMPLE_RATE);
      yield* resampleInTurns(resampler, samples);
    }
    const { code } = await exited;
    signal.throwIfAborted();
    if (code !== 0) throw new SpeechError(`espeak-ng failed with exit code ${code}: ${complaint.trim() || "it gave no reason"}`);
    if (resampler) yield resampler.end();
  } finally {
    signal.removeEventListener("abort", kill);
    kill();
  }
}

async function exitOf(child: ChildProcess): Promise<{ code: number | null; error?: Error }> {
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    return { code };
  } catch (error) {
    return { code: null, error: error as Error };
  }
}

/** `[[` would begin phonemes in place of words, and control characters are none. */
const speakable = (text: string): string => text.replace(/\[(?=\[)/g, "[ ").replace(/\p{Cc}+/gu, " ");
