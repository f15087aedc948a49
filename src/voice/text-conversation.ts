import type { TextMedia, Utterance } from "../carriers/carrier.ts";
import type { ConversationSession, TalkEnd } from "../engine/conversation.ts";
import { greetingOf } from "./greeting.ts";
import { wordsFor } from "./words.ts";

/** A session whose media are lines of text. */
export type TextSession = ConversationSession & { media: TextMedia };

/** How many things the other party says before the agent says goodbye. */
const TURNS = 2;

/**
 * The conversation without a language model, in lines of text. It understands nothing and says so: it greets as the agent is
 * told to, takes what it hears as a message, and says goodbye. What was said stands in the call's transcript.
 */
export async function talkInText(session: TextSession): Promise<TalkEnd> {
  if (session.answeredBy === "machine") return "voicemail";
  const words = wordsFor(session.agent.language);
  const greeting = greetingOf(session);
  if (session.agent.agent_speaks_first) await say(session, greeting);
  else if (!(await listen(session))) return "silent";
  else await say(session, greeting);
  for (let turn = 1; turn <= TURNS; turn++) {
    if (!(await listen(session))) return "silent";
    if (turn < TURNS) await say(session, words.noted);
  }
  await say(session, words.goodbye);
  return "finished";
}

async function say({ media, clock, signal, said }: TextSession, text: string): Promise<void> {
  if (signal.aborted) return;
  const startedAt = clock.now();
  await media.say(text);
  said("agent", text, startedAt, clock.now());
}

/** False when the other party said nothing for the agent's silence timeout, or the call is over. */
async function listen({ media, clock, signal, agent, said }: TextSession): Promise<boolean> {
  const heard = new AbortController();
  const silence = AbortSignal.any([signal, heard.signal]);
  const patience = clock.sleep(agent.silence_timeout_secs * 1000, silence).then(
    () => heard.abort(),
    () => undefined,
  );
  const utterance: Utterance | undefined = await media.hear(silence);
  heard.abort();
  await patience;
  if (utterance) said("user", utterance.text, utterance.startedAt, utterance.endedAt);
  return utterance !== undefined;
}
