import type { Workspace } from "../../core/context.ts";
import type { Conversation, Message } from "../../core/conversations/conversation.ts";
import type { LeadView } from "../../core/leads/lead.ts";
import { uidOf } from "../../platform/ids.ts";

/**
 * vcita 6.1. A client's custom fields are keys of their own, by label, beside the fixed ones and never in their place.
 * Every client has one matter; here it goes by the client's own uid.
 */
export function presentClient(lead: LeadView) {
  return {
    ...lead.custom_fields,
    ...(lead.external_id === null ? {} : { "Unique ID": lead.external_id }),
    id: uidOf(lead.id),
    ...namesOf(lead),
    email: lead.email,
    mobile_phone: lead.phone_as_typed ?? lead.phone,
    normalized_phone: lead.phone,
    address: lead.address,
    created_at: utcSeconds(lead.created_at),
    updated_at: utcSeconds(lead.updated_at),
    customer_status: lead.relationship,
    tags: lead.tags.map((tag) => tag.name),
    opt_in: lead.opt_in === null ? null : lead.opt_in ? "1" : "0",
    source: lead.source_name,
    source_url: lead.source_url,
    channel: null,
    campaign: null,
  };
}

export const presentListedClient = (lead: LeadView, workspace: Workspace) => ({ ...presentClient(lead), business_uid: workspace.uid });

export function presentOneClient(lead: LeadView) {
  const client = presentClient(lead);
  const displayName = [client.first_name, client.last_name].filter(Boolean).join(" ");
  return { ...client, matters: [{ uid: client.id, display_name: displayName, fields: [] }], matter_term: "matter" };
}

/** A lead of a door that takes one name has it cut at the first blank. */
function namesOf(lead: LeadView): { first_name: string; last_name: string | null } {
  if (lead.first_name !== null || lead.last_name !== null) return { first_name: lead.first_name ?? "", last_name: lead.last_name };
  const [, first = "", last = ""] = /^(\S*)\s*(.*)$/s.exec(lead.name.trim()) ?? [];
  return { first_name: first, last_name: last || null };
}

/** vcita 7.1. There are no staff members to assign it to. */
export function presentConversation(conversation: Conversation, workspace: Workspace) {
  const id = uidOf(conversation.id);
  return {
    id,
    business_id: workspace.uid,
    client_id: uidOf(conversation.lead_id),
    staff_id: null,
    title: conversation.title,
    business_unread: conversation.business_unread,
    client_unread: conversation.client_unread,
    last_business_action: conversation.last_business_action_at?.toISOString() ?? null,
    last_client_action: conversation.last_client_action_at?.toISOString() ?? null,
    deep_link: `/app/conversations/${id}`,
    created_at: conversation.created_at.toISOString(),
    updated_at: conversation.updated_at.toISOString(),
  };
}

/** vcita 7.2, as the business sees it: what introduces the lead comes first. */
export function presentMessage(message: Message, conversation: Conversation, workspace: Workspace) {
  const at = localTime(message.created_at, workspace.timeZone);
  return {
    uid: uidOf(message.id),
    conversation_uid: uidOf(conversation.id),
    text: [message.business_note, message.text].filter(Boolean).join("\n"),
    title: conversation.title,
    subject: conversation.title,
    message_description: null,
    sub_type: "text",
    message_type: "api",
    message_of: "message",
    direction: message.direction,
    data: [],
    documents: [],
    attachments: [],
    channels: [],
    channel_uid: null,
    mail_sent: false,
    mail_delivered: false,
    mail_read: false,
    was_read: message.direction === "client_to_business" ? !conversation.business_unread : !conversation.client_unread,
    messageable: null,
    appointment_title: null,
    trust: true,
    external_data: {},
    staff: null,
    created_at: at,
    created_at_h: message.created_at.toLocaleString("en-US", {
      timeZone: workspace.timeZone,
      dateStyle: "medium",
      timeStyle: "short",
    }),
    updated_at: at,
  };
}

const utcSeconds = (date: Date): string => date.toISOString().replace(/\.\d{3}Z$/, "Z");

/** With the business's offset and milliseconds. */
const localTime = (date: Date, timeZone: string): string =>
  Temporal.Instant.fromEpochMilliseconds(date.getTime())
    .toZonedDateTimeISO(timeZone)
    .toString({ fractionalSecondDigits: 3, timeZoneName: "never" });
