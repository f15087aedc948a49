import { newId } from "../../platform/ids.ts";
import { toE164 } from "../../platform/phone.ts";
import type { Client } from "../../platform/postgres/database.ts";
import type { GroupRun } from "../../platform/postgres/group-commit.ts";
import { type Context, requireScope } from "../context.ts";
import { type InputIssue, InvalidInput } from "../errors.ts";
import type { Lead } from "../leads/lead.ts";
import { type LeadDraft, type ResolvedLead, resolveLeads } from "../leads/resolveLeads.ts";
import { writeOutbox } from "../outbox/writeOutbox.ts";
import { attachTags } from "../tags/attachTags.ts";
import { composeNotice, type Notice, type OwnerAddresses } from "./notices.ts";

/** A request that a person made of a business: who they are, and what they wrote. */
export interface SubmitRequest {
  /** The key that finds the lead, or that the new one gets; its value must be given. */
  identifyBy: "email" | "external_id";
  email?: string | null;
  externalId?: string | null;
  firstName: string;
  lastName?: string | null;
  /** As typed; kept so when it cannot be read as a number. */
  phone?: string | null;
  address?: string | null;
  /** What the lead is to the business, `lead` when not given. */
  relationship?: string | null;
  optIn?: boolean | null;
  optInTransactionalSms?: boolean | null;
  tagNames?: readonly string[];
  sourceName?: string | null;
  sourceUrl?: string | null;
  /** Title of the conversation. */
  title: string;
  /** Label and value: shown in the message, and kept as custom fields of a new lead. */
  answers?: Readonly<Record<string, string>>;
  /** Label and value: shown in the message only. */
  details?: Readonly<Record<string, string>>;
  /** Shown to the business only. */
  businessNote?: string | null;
  notices?: readonly Notice[];
}

export interface SubmittedRequest {
  leadId: string;
  conversationId: string;
  /** The lead is new. */
  created: boolean;
}

interface Item {
  draft: LeadDraft;
  business: Context["workspace"];
  mail: boolean;
  conversationId: string;
  messageId: string;
  title: string;
  text: string;
  businessNote: string | null;
  fields: { answers: Readonly<Record<string, string>>; details: Readonly<Record<string, string>> };
  tagNames: readonly string[];
  notices: readonly Notice[];
}

/**
 * Takes in a request: always a new conversation with one message, of the lead whose key `identifyBy` says, or of a new one.
 * A lead that is there keeps every value that it has, and may get further tags. Concurrent requests share one commit; what
 * `notices` asks for is in the outbox when it is done. Throws InvalidInput("email" | "externalId" | "firstName" | "title").
 */
export async function submitRequest(ctx: Context, input: SubmitRequest): Promise<SubmittedRequest> {
  requireScope(ctx, "leads:write");
  const issues = check(input);
  if (issues.length > 0) throw new InvalidInput(issues);
  const answers = input.answers ?? {};
  const details = input.details ?? {};
  return ctx.db.together(submitRequests, {
    draft: toDraft(ctx, input),
    business: ctx.workspace,
    mail: ctx.settings.mail,
    conversationId: newId(),
    messageId: newId(),
    title: input.title,
    text: [...lines(answers), ...lines(details)].join("\n") || input.title,
    businessNote: input.businessNote ?? null,
    fields: { answers, details },
    tagNames: [...new Set(input.tagNames)],
    notices: [...new Set(input.notices)],
  });
}

const lines = (values: Readonly<Record<string, string>>): string[] => Object.entries(values).map(([label, value]) => `${label}: ${value}`);

function check(input: SubmitRequest): InputIssue[] {
  const issues: InputIssue[] = [];
  const required = (path: string, value: string | null | undefined) => {
    if (!value?.trim()) issues.push({ path: [path], code: "required", message: "is required" });
  };
  if (input.identifyBy === "email") required("email", input.email);
  else required("externalId", input.externalId);
  required("firstName", input.firstName);
  required("title", input.title);
  return issues;
}

function toDraft(ctx: Context, input: SubmitRequest): LeadDraft {
  const lastName = input.lastName ?? answered(input, "last name");
  const typedPhone = input.phone ?? answered(input, "phone");
  const phone = typedPhone === null ? null : (toE164(typedPhone, ctx.workspace.country) ?? null);
  return {
    workspace_id: ctx.workspace.id,
    id: newId(),
    lookup: input.identifyBy,
    name: [input.firstName, lastName].filter(Boolean).join(" "),
    first_name: input.firstName,
    last_name: lastName,
    phone,
    phone_as_typed: typedPhone === phone ? null : typedPhone,
    email: input.email?.toLowerCase() ?? null,
    external_id: input.externalId ?? null,
    ...(input.relationship ? { relationship: input.relationship } : {}),
    origin: "api",
    source_name: input.sourceName ?? null,
    source_url: input.sourceUrl ?? null,
    address: input.address ?? answered(input, "address"),
    opt_in: input.optIn ?? null,
    opt_in_transactional_sms: input.optInTransactionalSms ?? null,
    custom_fields: { ...input.answers },
    now: ctx.clock.now(),
  };
}

/** A form may ask for what we keep in a column; such an answer fills the column when nothing else does. */
function answered(input: SubmitRequest, label: "last name" | "phone" | "address"): string | null {
  const hit = Object.entries(input.answers ?? {}).find(([given]) => given.trim().toLowerCase() === label);
  return hit?.[1].trim() || null;
}

const submitRequests: GroupRun<Item, SubmittedRequest> = async (client, items) => {
  const resolved = await resolveLeads(
    client,
    items.map((item) => item.draft),
  );
  const submitted = items.map((item, index) => ({ item, ...(resolved[index] as ResolvedLead) }));
  await attachTags(
    client,
    submitted
      .filter(({ item }) => item.tagNames.length > 0)
      .map(({ item, lead }) => ({ workspaceId: lead.workspace_id, leadId: lead.id, names: item.tagNames, now: item.draft.now })),
  );
  await openConversations(client, submitted);
  await tell(client, submitted);
  return submitted.map(({ item, lead, created }) => ({ leadId: lead.id, conversationId: item.conversationId, created }));
};

type Submitted = { item: Item; lead: Lead; created: boolean };

async function openConversations(client: Client, submitted: readonly Submitted[]): Promise<void> {
  const rows = submitted.map(({ item, lead }) => ({
    workspace_id: lead.workspace_id,
    lead_id: lead.id,
    conversation_id: item.conversationId,
    message_id: item.messageId,
    event_id: newId(),
    title: item.title,
    source_name: item.draft.source_name,
    source_url: item.draft.source_url,
    text: item.text,
    business_note: item.businessNote,
    fields: item.fields,
    now: item.draft.now,
  }));
  await client.query({
    name: "open-conversations",
    text: `with request as (
        select * from json_to_recordset($1::json) as r(workspace_id uuid, lead_id uuid, conversation_id uuid, message_id uuid,
          event_id uuid, title text, source_name text, source_url text, text text, business_note text, fields jsonb, now timestamptz)
      ), opened as (
        insert into conversations
          (workspace_id, id, lead_id, title, source_name, source_url, business_unread, last_client_action_at, created_at, updated_at)
        select workspace_id, conversation_id, lead_id, title, source_name, source_url, true, now, now, now from request
      ), written as (
        insert into messages (workspace_id, id, conversation_id, direction, text, business_note, fields, created_at)
        select workspace_id, message_id, conversation_id, 'client_to_business', text, business_note, fields, now from request
      )
      insert into events (workspace_id, id, type, subject_id, payload, created_at)
      select workspace_id, event_id, 'message.received', conversation_id,
        jsonb_build_object('lead_id', lead_id, 'message_id', message_id), now from request`,
    values: [JSON.stringify(rows)],
  });
}

async function tell(client: Client, submitted: readonly Submitted[]): Promise<void> {
  const wanted = submitted.filter(({ item }) => item.notices.length > 0);
  if (wanted.length === 0) return;
  const owners = await ownersOf(
    client,
    wanted.map(({ item }) => item.business.id),
  );
  const drafts = wanted.flatMap(({ item, lead }) => {
    const { draft } = item;
    const request = {
      business: item.business,
      mail: item.mail,
      leadId: lead.id,
      conversationId: item.conversationId,
      firstName: draft.first_name ?? "",
      leadName: draft.name,
      // Who wrote this time, which may be another person than the lead that an external id leads to.
      leadEmail: draft.email ?? lead.email,
      leadPhone: draft.phone ?? draft.phone_as_typed ?? lead.phone ?? lead.phone_as_typed,
      title: item.title,
      businessNote: item.businessNote,
      text: item.text,
      sourceName: draft.source_name ?? null,
      sourceUrl: draft.source_url ?? null,
      now: draft.now,
    };
    const owner = owners.get(item.business.id) ?? { email: null, phone: null };
    return item.notices.map((notice) => composeNotice(notice, request, owner));
  });
  await writeOutbox(client, drafts);
}

async function ownersOf(client: Client, workspaceIds: readonly string[]): Promise<Map<string, OwnerAddresses>> {
  const { rows } = await client.query<OwnerAddresses & { id: string }>({
    name: "workspace-owners",
    text: "select id, owner_email as email, owner_phone as phone from workspaces where id = any($1::uuid[])",
    values: [[...new Set(workspaceIds)]],
  });
  return new Map(rows.map((row) => [row.id, row]));
}
