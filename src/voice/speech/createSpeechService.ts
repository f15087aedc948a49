import { fetch, type Response } from "undici";
import { SAMPLE_RATE } from "../../carriers/carrier.ts";
import { createGate } from "./createGate.ts";
import { createPcmReader, createWavReader, type PcmReader } from "./createPcmReader.ts";
import { createResampler, type Resampler } from "./createResampler.ts";
import { resampleInTurns } from "./resampleInTurns.ts";
import { type Speech, SpeechError, type SpeechLine } from "./speech.ts";
import { splitText } from "./splitText.ts";

export interface SpeechServiceOptions {
  /** The base, such as https://api.openai.com/v1 */
  url: string;
  apiKey?: string | undefined;
  model: string;
  /** For lines whose own voice the service refuses. */
  voice: string;
  /** Requests at once; further lines wait. */
  atOnce?: number;
  /** How long the first sound may take, and by how much what follows may come later than it is spoken. */
  patienceMs?: number;
}

const AT_ONCE = 16;
const PATIENCE_MS = 10_000;
/** Half an hour of sound at 24 kHz. */
const MOST_BYTES = 30 * 60 * 24_000 * 2;
/** OpenAI takes 4,096 in one request. */
const MOST_CHARACTERS = 4_000;
/** What `response_format: pcm` is. */
const PCM_RATE = 24_000;
const MOST_UNKNOWN_VOICES = 1_000;

/**
 * Speech of any service with OpenAI's `POST /audio/speech`. The operator configures its address, which may well be a private
 * one, so this is not the guarded client for addresses that users type; time and size are limited all the same.
 */
export function createSpeechService(options: SpeechServiceOptions): Speech {
  const gate = createGate(options.atOnce ?? AT_ONCE);
  /** Voices that the service refused. Agents keep names of other products' voices. */
  const unknown = new Set<string>();

  const request = async (line: SpeechLine, signal: AbortSignal): Promise<Response> => {
    const own = line.voice.trim();
    const withOwn = own !== "" && own !== options.voice && !unknown.has(own);
    const response = await ask(options, line.text, withOwn ? own : options.voice, signal);
    if (!withOwn || !REFUSALS.has(response.status)) return response;
    const second = await ask(options, line.text, options.voice, signal);
    if (second.ok) {
      await response.body?.cancel();
      if (unknown.size < MOST_UNKNOWN_VOICES) unknown.add(own);
      return second;
    }
    await second.body?.cancel();
    return response;
  };

  return {
    async *speak(line, signal) {
      const overdue = createOverdue(options.patienceMs ?? PATIENCE_MS);
      const limit = AbortSignal.any([signal, overdue.signal]);
      let leave: (() => void) | undefined;
      try {
        overdue.start();
        leave = await gate.enter(limit);
        for (const text of splitText(line.text, MOST_CHARACTERS)) {
          overdue.start();
          const response = await request({ ...line, text }, limit);
          if (!response.ok) throw new SpeechError(withoutKey(await refusalOf(response), options.apiKey));
          yield* samplesOf(response, overdue);
          overdue.stop();
        }
      } catch (error) {
        signal.throwIfAborted();
        throw inWords(error, overdue);
      } finally {
        overdue.stop();
        leave?.();
      }
    },
  };
}

/** What a service answers that does not know the voice. */
const REFUSALS = new Set([400, 404, 422]);

function ask(options: SpeechServiceOptions, input: string, voice: string, signal: AbortSignal): Promise<Response> {
  return fetch(`${options.url}/audio/speech`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "audio/pcm, audio/wav, application/octet-stream",
      ...(options.apiKey ? { authorization: `Bearer ${options.apiKey}` } : {}),
    },
    body: JSON.stringify({ model: options.model, voice, input, response_format: "pcm" }),
    redirect: "error",
    signal,
  });
}

/** Some services send WAV whatever they are asked for: the first bytes tell. */
async function* samplesOf(response: Response, overdue: Overdue): AsyncGenerator<Int16Array> {
  let reader: PcmReader | undefined;
  let resampler: Resampler | undefined;
  let head = Buffer.alloc(0);
  let total = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    total += piece.length;
    if (total > MOST_BYTES) throw new SpeechError("The speech service sends speech without end.");
    let bytes: Uint8Array = piece;
    if (!reader) {
      head = Buffer.concat([head, piece]);
      if (head.length < 4) continue;
      reader = readerFor(response, head);
      bytes = head;
    }
    const samples = reader.push(bytes);
    if (samples.length === 0) continue;
    resampler ??= createResampler(reader.sampleRate, SAMPLE_RATE);
    // While the listener takes its time, nothing is overdue.
    overdue.stop((samples.length * 1000) / reader.sampleRate);
    yield* resampleInTurns(resampler, samples);
    overdue.start();
  }
  if (!resampler) throw new SpeechError("The speech service answered without any speech.");
  overdue.stop();
  yield resampler.end();
}

function readerFor(response: Response, head: Buffer): PcmReader {
  if (head.toString("latin1", 0, 4) === "RIFF") return createWavReader();
  const type = response.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type.startsWith("text/") || type === "application/json" || /^audio\/(mpeg|mp3|ogg|opus|flac|aac|mp4|webm)$/.test(type)) {
    throw new SpeechError(`The speech service answered with ${type}; raw PCM or WAV is needed.`);
  }
  return createPcmReader(PCM_RATE);
}

const MOST_WORDS = 300;
const MOST_ERROR_BYTES = 16_384;

/** Such as `The speech service answered 401: Incorrect API key provided.` */
async function refusalOf(response: Response): Promise<string> {
  const text = await firstBytes(response).catch(() => "");
  const words = messageIn(text).replace(/\s+/g, " ").trim().slice(0, MOST_WORDS);
  return `The speech service answered ${response.status}${words === "" ? "." : `: ${words}`}`;
}

async function firstBytes(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    total += piece.length;
    if (total > MOST_ERROR_BYTES) break;
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** OpenAI's own shape, those of common stand-ins, or the text itself. */
function messageIn(text: string): string {
  try {
    const body: unknown = JSON.parse(text);
    const told = field(field(body, "error"), "message") ?? field(body, "error") ?? field(body, "message") ?? field(body, "detail");
    return typeof told === "string" ? told : JSON.stringify(told ?? body);
  } catch {
    return text;
  }
}

/** Some services repeat it in their refusals, which stand in the call for its tenant to read. */
const withoutKey = (words: string, apiKey: string | undefined): string => (apiKey ? words.replaceAll(apiKey, "***") : words);

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;

function inWords(error: unknown, overdue: Overdue): SpeechError {
  if (error instanceof SpeechError) return error;
  if (overdue.signal.aborted)
    return new SpeechError(`The speech service did not answer within ${overdue.ms / 1000} seconds.`, { cause: error });
  const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
  return new SpeechError(`The speech service cannot be reached: ${reason}`, { cause: error });
}

interface Overdue {
  ms: number;
  signal: AbortSignal;
  /** The service's time runs. */
  start(): void;
  /** It does not; so much sound has come while it did. */
  stop(soundMs?: number): void;
}

/** Aborts when the service is so far behind the sound that it brings: one that sends a byte now and then is none that speaks. */
function createOverdue(ms: number): Overdue {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let startedAt: number | undefined;
  let leftMs = ms;
  return {
    ms,
    signal: controller.signal,
    start() {
      if (startedAt !== undefined) return;
      startedAt = performance.now();
      timer = setTimeout(() => controller.abort(), leftMs);
    },
    stop(soundMs = 0) {
      clearTimeout(timer);
      if (startedAt !== undefined) leftMs -= performance.now() - startedAt;
      startedAt = undefined;
      leftMs = Math.min(ms, leftMs + soundMs);
    },
  };
}
