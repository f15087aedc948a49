import { newId } from "../../platform/ids.ts";
import type { Client } from "../../platform/postgres/database.ts";
import { findDncEntries } from "../do-not-call/findDncEntries.ts";
import type { Contact } from "./contact.ts";

/** A contact that is to be, and the agent that would call it. */
export interface ContactToInsert {
  contact: Contact;
  agentId: string;
}

const INSERT = `
  with draft as (
    select * from json_to_recordset($1::json) as d(
      workspace_id uuid, id uuid, number bigint, campaign_id uuid, lead_id uuid, phone text, variables jsonb, status text,
      parent_id uuid, position integer, is_first boolean, created_at timestamptz, event_id uuid)
  ), made as (
    insert into campaign_contacts (workspace_id, id, number, campaign_id, lead_id, phone, variables, status, parent_id, position,
      is_first, created_at, updated_at)
    select workspace_id, id, number, campaign_id, lead_id, phone, variables, status, parent_id, position, is_first, created_at, created_at
    from draft
    order by campaign_id, phone, number
    on conflict (workspace_id, campaign_id, phone) where is_first do nothing
    returning id
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, event_id, 'contact.created', id,
      jsonb_build_object('campaign_id', campaign_id, 'lead_id', lead_id, 'parent_id', parent_id, 'status', status), created_at
    from made join draft using (id)
  )
  select id from made`;

/**
 * Inserts contacts, each blocked when its number is on the Do-Not-Call list for its agent, and a `contact.created` event for
 * each. One that is to be the first with its phone in the campaign and is not stays out. Returns those that came in, by id.
 * Runs inside the caller's transaction.
 */
export async function insertContacts(client: Client, drafts: readonly ContactToInsert[]): Promise<Map<string, Contact>> {
  const [latest] = drafts.map(({ contact }) => contact.created_at).sort((a, b) => b.getTime() - a.getTime());
  if (!latest) return new Map();
  const forbidden = await findDncEntries(
    client,
    drafts.map(({ contact, agentId }) => ({ workspaceId: contact.workspace_id, phone: contact.phone, agentId })),
    latest,
  );
  const contacts = drafts.map(({ contact }, index): Contact => (forbidden[index] ? { ...contact, status: "blocked" } : contact));
  const { rows } = await client.query<{ id: string }>({
    name: "insert-contacts",
    text: INSERT,
    values: [JSON.stringify(contacts.map((contact) => ({ ...contact, event_id: newId() })))],
  });
  const made = new Set(rows.map(({ id }) => id));
  return new Map(contacts.filter(({ id }) => made.has(id)).map((contact) => [contact.id, contact]));
}
