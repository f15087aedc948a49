import type { Conversation } from "../engine/conversation.ts";
import type { Speech } from "./speech/speech.ts";
import { talkOnTelephone } from "./telephone/talkOnTelephone.ts";
import { talkInText } from "./text-conversation.ts";

/** The conversation that Leadline has without a language model, on every kind of media. `speech`: undefined without a voice. */
export const createConversation = ({ speech }: { speech: Speech | undefined }): Conversation => ({
  async talk(session) {
    const { media } = session;
    return media.kind === "text" ? talkInText({ ...session, media }) : talkOnTelephone({ ...session, media }, speech);
  },
});
