import type { Context } from "../context.ts";
import type { OutboxDraft } from "../outbox/outbox.ts";

/** Who is told of a new request: the lead that it came in, the business owner by mail or by text message. */
export type Notice = "auto_reply" | "owner_mail" | "owner_text";

export interface OwnerAddresses {
  email: string | null;
  phone: string | null;
}

/** A request as the messages about it see it. */
export interface NoticedRequest {
  business: Pick<Context["workspace"], "id" | "name">;
  mail: boolean;
  leadId: string;
  conversationId: string;
  firstName: string;
  leadName: string;
  leadEmail: string | null;
  leadPhone: string | null;
  title: string;
  businessNote: string | null;
  text: string;
  sourceName: string | null;
  sourceUrl: string | null;
  now: Date;
}

const SUBJECT_LENGTH = 150;

/** The message of one kind about a request. */
export function composeNotice(notice: Notice, request: NoticedRequest, owner: OwnerAddresses): OutboxDraft {
  const shared = {
    workspace_id: request.business.id,
    lead_id: request.leadId,
    conversation_id: request.conversationId,
    mail: request.mail,
    now: request.now,
  };
  const about = `New request from ${request.leadName}: ${request.title}`;
  switch (notice) {
    // Says nothing of what the request holds: the lead may be somebody else than who filled in the form.
    case "auto_reply":
      return {
        ...shared,
        channel: "email",
        purpose: "auto_reply",
        reader: "lead",
        recipient: request.leadEmail,
        subject: oneLine(`Thank you for contacting ${request.business.name}`),
        body: `Hello ${request.firstName},\n\nthank you for your request "${oneLine(request.title)}". We have received it and will be in touch soon.\n\n${request.business.name}\n`,
      };
    case "owner_mail":
      return {
        ...shared,
        channel: "email",
        purpose: "owner_alert",
        reader: "business owner",
        recipient: owner.email,
        subject: oneLine(about),
        body: `${[about, contactLines(request), request.businessNote, request.text, sourceLines(request)].filter(Boolean).join("\n\n")}\n`,
      };
    case "owner_text":
      return {
        ...shared,
        channel: "sms",
        purpose: "owner_alert",
        reader: "business owner",
        recipient: owner.phone,
        subject: null,
        body: oneLine([about, request.leadPhone ?? request.leadEmail].filter(Boolean).join(", ")),
      };
  }
}

const contactLines = ({ leadPhone, leadEmail }: NoticedRequest): string =>
  [leadPhone && `Phone: ${leadPhone}`, leadEmail && `E-mail: ${leadEmail}`].filter(Boolean).join("\n");

const sourceLines = ({ sourceName, sourceUrl }: NoticedRequest): string =>
  [sourceName && `Source: ${sourceName}`, sourceUrl && `Page: ${sourceUrl}`].filter(Boolean).join("\n");

function oneLine(text: string): string {
  const line = [...text.replace(/\s+/g, " ").trim()];
  return line.length > SUBJECT_LENGTH ? `${line.slice(0, SUBJECT_LENGTH - 1).join("")}…` : line.join("");
}
