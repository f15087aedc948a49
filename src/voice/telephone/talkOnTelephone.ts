import { type AudioMedia, FRAME_MS } from "../../carriers/carrier.ts";
import type { KeypadAction } from "../../core/agents/settings.ts";
import { ConversationError, type ConversationSession, type TalkEnd } from "../../engine/conversation.ts";
import { greetingOf } from "../greeting.ts";
import type { Speech } from "../speech/speech.ts";
import { wordsFor } from "../words.ts";
import { createEar, type Ear } from "./createEar.ts";
import { createMouth, type Mouth } from "./createMouth.ts";
import { everyFrame } from "./everyFrame.ts";

/** A session whose media are sound. */
export type TelephoneSession = ConversationSession & { media: AudioMedia };

interface Talk {
  session: TelephoneSession;
  ear: Ear;
  mouth: Mouth;
}

/** Who stops for so long has said their message. */
const MESSAGE_PAUSE_MS = 2_000;
/** And for so long their hello. */
const HELLO_PAUSE_MS = 600;
/** Telephones hold back what comes, to play it evenly: hung up at once, the last word would not be heard. */
const LAST_WORD_MS = 300;

/**
 * The conversation without a language model, by voice. It understands nothing and says so: it greets as the agent is told to,
 * lets the other party speak until they stop, thanks and says goodbye. Every key stands in the transcript, and one with an action is
 * obeyed at any moment:
 *
 *     greet ──► message ──► goodbye
 *       └─────────┴───────────┴── key ──► hang up
 *                                  └────► transfer ──► (refused) ──► message
 *
 * A voice does not interrupt it: it could not tell an answer from the hello of who picks up, a machine, or a noisy room, and would
 * leave people without the greeting. Throws ConversationError when the agent has no voice.
 */
export async function talkOnTelephone(session: TelephoneSession, speech: Speech | undefined): Promise<TalkEnd> {
  if (session.answeredBy === "machine") return "voicemail";
  if (!speech) throw new ConversationError("No text to speech is configured: install espeak-ng or set TTS_URL.");
  const talk: Talk = { session, ear: createEar(session.media, session.agent), mouth: createMouth(session, speech) };
  const stopNoting = session.media.onDigit((digit) => {
    const at = session.clock.now();
    session.said("user", `[pressed ${digit}]`, at, at);
  });
  try {
    return await untilOver(talk);
  } catch (error) {
    // The call is over, so what the talk came to is not asked.
    if (session.signal.aborted) return "finished";
    throw error;
  } finally {
    stopNoting();
    talk.ear.close();
  }
}

async function untilOver(talk: Talk): Promise<TalkEnd> {
  let next: Step = greet;
  for (;;) {
    const step: Outcome = await unlessKey(talk, next);
    if (step.end !== undefined) return step.end;
    if (step.key.action === "hang_up") return "key";
    const after = await transfer(talk, step.key.to);
    if (after !== undefined) return after;
    next = apologise;
  }
}

type Step = (talk: Talk, signal: AbortSignal) => Promise<TalkEnd>;
type Outcome = { end: TalkEnd; key?: undefined } | { key: KeypadAction; end?: undefined };

/** Takes a step to its end, or to the first key that has an action, of those to `obey`. Other keys do nothing. */
async function unlessKey(talk: Talk, step: Step, obey = (_: KeypadAction) => true): Promise<Outcome> {
  const { media, agent, signal } = talk.session;
  const interrupted = new AbortController();
  let key: KeypadAction | undefined;
  const stop = media.onDigit((digit) => {
    const action = Object.hasOwn(agent.keypad_actions, digit) ? agent.keypad_actions[digit] : undefined;
    if (!action || key || !obey(action)) return;
    key = action;
    interrupted.abort();
  });
  try {
    const end = await step(talk, AbortSignal.any([signal, interrupted.signal]));
    return key ? { key } : { end };
  } catch (error) {
    if (key && !signal.aborted) return { key };
    throw error;
  } finally {
    stop();
  }
}

const greet: Step = async (talk, signal) => {
  const { session, ear, mouth } = talk;
  if (!session.agent.agent_speaks_first && !(await ear.hear(HELLO_PAUSE_MS, signal))) return "silent";
  await mouth.say(greetingOf(session), signal);
  return takeMessage(talk, signal);
};

const takeMessage: Step = async ({ session, ear, mouth }, signal) => {
  if (!(await ear.hear(MESSAGE_PAUSE_MS, signal))) return "silent";
  const { recorded, unrecorded } = wordsFor(session.agent.language);
  await mouth.say(session.agent.recording_enabled ? recorded : unrecorded, signal);
  let left = LAST_WORD_MS / FRAME_MS;
  await everyFrame(session.media, signal, () => --left <= 0 || undefined);
  return "finished";
};

const apologise: Step = async (talk, signal) => {
  await talk.mouth.say(wordsFor(talk.session.agent.language).notConnected, signal);
  return takeMessage(talk, signal);
};

/** Undefined when the transfer was refused. While it is announced, a key can still end the call. */
async function transfer(talk: Talk, to: string): Promise<TalkEnd | undefined> {
  const { session } = talk;
  const announced = await unlessKey(talk, announce, ({ action }) => action === "hang_up");
  if (announced.key) return "key";
  const result = await session.transfer(to);
  if (!result.accepted) return undefined;
  await overFor(session.signal);
  return "finished";
}

const announce: Step = async ({ session, mouth }, signal) => {
  await mouth.say(wordsFor(session.agent.language).connecting, signal);
  return "finished";
};

/** An accepted transfer ends the call, and with it the talk: whoever ends it first would be its reason. */
const overFor = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
