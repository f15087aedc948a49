import type { ConversationSession } from "../engine/conversation.ts";
import { splitText } from "./speech/splitText.ts";
import { fillTemplate } from "./template.ts";
import { wordsFor } from "./words.ts";

/** As long as a greeting may be before it is filled in: some six minutes of speech. A variable may hold far more. */
const MOST_CHARACTERS = 5_000;

/** The agent's greeting with its variables filled in; one of ours when that leaves nothing to say. */
export function greetingOf({ agent, call, timeZone, clock }: ConversationSession): string {
  const filled = fillTemplate(agent.greeting_message ?? "", { call, timeZone, now: clock.now() });
  return splitText(filled, MOST_CHARACTERS)[0] || wordsFor(agent.language).greeting;
}
