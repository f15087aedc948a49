import { type AudioMedia, FRAME_SAMPLES, SAMPLE_RATE } from "../../carriers/carrier.ts";
import { ConversationError, type ConversationSession } from "../../engine/conversation.ts";
import { type Speech, SpeechError } from "../speech/speech.ts";
import { everyFrame } from "./everyFrame.ts";

/** Speaks lines, one after the other, and writes down what of them was really said. */
export interface Mouth {
  /**
   * Resolves when the line has been said to its end. When `signal` is aborted it falls silent at once and rejects with the
   * signal's reason. Throws ConversationError when there is no speech for the line.
   */
  say(text: string, signal: AbortSignal): Promise<void>;
}

/** So much is with the media at most, and more is given when so much is left: a stall of the process is not heard. */
const MOST_WAITING = 4 * SAMPLE_RATE;
const REFILL_BELOW = 3 * SAMPLE_RATE;
const PIECE = SAMPLE_RATE;
/** For how long a line is, while its end has not been synthesised. */
const SAMPLES_PER_CHARACTER = SAMPLE_RATE / 15;

export function createMouth(session: ConversationSession & { media: AudioMedia }, speech: Speech): Mouth {
  const { media, agent, clock } = session;

  const give = async (samples: Int16Array, signal: AbortSignal) => {
    for (let at = 0; at < samples.length; at += PIECE) {
      if (media.position().waitingSamples > MOST_WAITING) {
        await everyFrame(media, signal, () => media.position().waitingSamples < REFILL_BELOW || undefined);
      }
      media.play(samples.subarray(at, at + PIECE));
    }
  };

  return {
    async say(text, signal) {
      signal.throwIfAborted();
      const before = media.position();
      const from = before.playedSamples + before.waitingSamples;
      let given = 0;
      let startedAt: Date | undefined;
      let whole = false;
      try {
        for await (const samples of speech.speak({ text, language: agent.language, voice: agent.voice }, signal)) {
          startedAt ??= clock.now();
          given += samples.length;
          await give(samples, signal);
        }
        whole = true;
        await unlessAborted(media.drained(), signal);
        // A leg that is over has nothing left to say either.
        const missing = from + given - media.position().playedSamples;
        const said = missing < FRAME_SAMPLES ? text : beginningOf(text, 1 - missing / given);
        if (startedAt && said !== "") session.said("agent", said, startedAt, clock.now());
      } catch (error) {
        const length = whole ? given : Math.max(given, text.length * SAMPLES_PER_CHARACTER);
        const said = beginningOf(text, (media.position().playedSamples - from) / length);
        media.clear();
        if (startedAt && said !== "") session.said("agent", said, startedAt, clock.now());
        if (error instanceof SpeechError) throw new ConversationError(`The agent cannot speak. ${error.message}`, { cause: error });
        throw error;
      }
    },
  };
}

const WORDS = new Intl.Segmenter(undefined, { granularity: "word" });

/** The whole words of so large a part of the text, also where no spaces are between them. */
function beginningOf(text: string, part: number): string {
  if (part >= 1) return text;
  const characters = text.length * Math.max(0, part);
  const last = WORDS.segment(text).containing(Math.floor(characters));
  const whole = text.slice(0, last?.index ?? 0).trimEnd();
  return whole === "" ? "" : `${whole} …`;
}

/** Rejects with the signal's reason when that comes first. */
async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
