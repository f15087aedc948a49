import type { Conversation } from "../engine/conversation.ts";
import { createConversation } from "./createConversation.ts";

/** The conversation of a machine without text to speech: it can talk in text only. */
export const builtInConversation: Conversation = createConversation({ speech: undefined });
