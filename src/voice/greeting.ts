import type { ConversationSession } from "../engine/conversation.ts";
import { fillTemplate } from "./template.ts";
import { wordsFor } from "./words.ts";

/** The agent's greeting with its variables filled in; one of ours when that leaves nothing to say. */
export const greetingOf = ({ agent, call, timeZone, clock }: ConversationSession): string =>
  fillTemplate(agent.greeting_message ?? "", { call, timeZone, now: clock.now() }).trim() || wordsFor(agent.language).greeting;
