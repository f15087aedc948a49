import type { Insertable, Selectable } from "kysely";
import type { Tables } from "../tables.ts";

/** A mail or text message to a person. */
export type OutboxMessage = Selectable<Tables["outbox"]>;

/**
 * What a verb wants to be told to somebody. `recipient` is a mail address or a phone number; when there is none, or no means
 * to send, the message is held and `last_error` says why.
 */
export type OutboxDraft = Pick<
  Insertable<Tables["outbox"]>,
  "workspace_id" | "channel" | "purpose" | "subject" | "body" | "lead_id" | "conversation_id"
> & {
  recipient: string | null;
  /** Whom the message is for, to say who has no address. */
  reader: "lead" | "business owner";
  /** Whether mails can be sent (`settings.mail`). */
  mail: boolean;
  now: Date;
};
