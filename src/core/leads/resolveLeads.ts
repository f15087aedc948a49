import { newId } from "../../platform/ids.ts";
import type { Client } from "../../platform/postgres/database.ts";
import type { JsonObject, KeyOfLead, LeadOrigin, LeadStage } from "../tables.ts";
import type { Lead } from "./lead.ts";

/**
 * A person as a door describes them. `lookup` names the key that the door identifies by; its value must be one of `phone`
 * (E.164), `email` (lower case) or `external_id`.
 */
export interface LeadDraft {
  workspace_id: string;
  /** The id the lead gets if it is new. */
  id: string;
  lookup: KeyOfLead;
  name: string;
  first_name?: string | null;
  last_name?: string | null;
  phone?: string | null;
  phone_as_typed?: string | null;
  email?: string | null;
  external_id?: string | null;
  stage?: LeadStage;
  relationship?: string;
  origin: LeadOrigin;
  source_name?: string | null;
  source_url?: string | null;
  address?: string | null;
  notes?: string | null;
  long_term_context?: string | null;
  opt_in?: boolean | null;
  opt_in_transactional_sms?: boolean | null;
  metadata?: JsonObject;
  custom_fields?: JsonObject;
  now: Date;
}

export interface ResolvedLead {
  lead: Lead;
  created: boolean;
}

/**
 * The identity rule of every door, for many drafts at once and safe against anyone else's: the key looked up is claimed by a
 * new lead, or the lead that owns it is the answer and stays as it is. A new lead claims its further keys when they are free;
 * a value that is another lead's key stays a plain attribute. Writes a `lead.created` event for each new lead.
 * Results are in the order of the drafts. Runs inside the caller's transaction.
 */
export async function resolveLeads(client: Client, drafts: readonly LeadDraft[]): Promise<ResolvedLead[]> {
  const resolved = new Map<string, ResolvedLead>();
  let open = [...drafts];
  // A key can be lost to a lead that is deleted before we read it; then it is free again.
  for (let round = 0; open.length > 0; round++) {
    if (round === 5) throw new Error("lead keys keep changing under us");
    const created = await claimLeads(client, open);
    for (const [id, lead] of created) resolved.set(id, { lead, created: true });
    const others = open.filter((draft) => !created.has(draft.id));
    const owners = others.length > 0 ? await ownersOf(client, others) : new Map<string, Lead>();
    open = others.filter((draft) => {
      const lead = owners.get(keyName(draft.workspace_id, draft.lookup, lookupValue(draft)));
      if (lead) resolved.set(draft.id, { lead, created: false });
      return !lead;
    });
  }
  return drafts.map((draft) => resolved.get(draft.id) as ResolvedLead);
}

export function lookupValue(draft: LeadDraft): string {
  const value = draft[draft.lookup];
  if (!value) throw new Error(`a draft looked up by ${draft.lookup} has none`);
  return value;
}

/** The leads of the drafts that win their key. A draft with a list joins it, and only when the workspace has that list. */
const CLAIM = `
  with draft as (
    select d.* from json_to_recordset($1::json) as d(
      workspace_id uuid, id uuid, lookup text, lookup_value text, name text, first_name text, last_name text, phone text,
      phone_as_typed text, email text, external_id text, stage text, relationship text, origin text, source_name text,
      source_url text, address text, notes text, long_term_context text, opt_in boolean, opt_in_transactional_sms boolean,
      metadata jsonb, custom_fields jsonb, converted_at timestamptz, now timestamptz, event_id uuid, list_id uuid)
    left join lists l on l.workspace_id = d.workspace_id and l.id = d.list_id
    where d.list_id is null or l.id is not null
  ), won as (
    insert into lead_keys (workspace_id, kind, value, lead_id)
    select workspace_id, lookup, lookup_value, id from draft
    on conflict do nothing
    returning lead_id
  ), fresh as (
    select d.* from draft d join won on won.lead_id = d.id
  ), further as (
    insert into lead_keys (workspace_id, kind, value, lead_id)
    select f.workspace_id, k.kind, k.value, f.id
    from fresh f cross join lateral (values ('phone', f.phone), ('email', f.email), ('external_id', f.external_id)) k(kind, value)
    where k.value is not null and k.kind <> f.lookup
    on conflict do nothing
    returning lead_id, kind
  ), made as (
    insert into leads (workspace_id, id, name, first_name, last_name, phone, phone_as_typed, owns_phone, email, external_id, stage,
      relationship, origin, source_name, source_url, address, notes, long_term_context, opt_in, opt_in_transactional_sms,
      metadata, custom_fields, converted_at, created_at, updated_at)
    select workspace_id, id, name, first_name, last_name, phone, phone_as_typed,
      lookup = 'phone' or exists (select from further where further.lead_id = fresh.id and further.kind = 'phone'),
      email, external_id, stage, relationship, origin, source_name, source_url, address, notes, long_term_context, opt_in,
      opt_in_transactional_sms, metadata, custom_fields, converted_at, now, now
    from fresh
    returning id, owns_phone
  ), joined as (
    insert into list_members (workspace_id, lead_id, list_id, created_at)
    select workspace_id, id, list_id, now from fresh where list_id is not null
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, event_id, 'lead.created', id, jsonb_build_object('origin', origin), now from fresh
  )
  select id, owns_phone from made`;

/**
 * One statement: makes the leads of those drafts whose key nobody owns, with their event, and puts them on their lists.
 * Drafts that lose their key, or name a list that is not there, leave nothing behind and are not in the answer.
 */
export async function claimLeads(client: Client, drafts: ReadonlyArray<LeadDraft & { list_id?: string }>): Promise<Map<string, Lead>> {
  // Everybody takes the keys in one order, so that two transactions rarely wait for each other crosswise.
  const rows = drafts
    .map((draft) => ({
      ...draft,
      ...defaults(draft),
      lookup_value: lookupValue(draft),
      event_id: newId(),
    }))
    .sort((a, b) => (a.lookup_value < b.lookup_value ? -1 : a.lookup_value > b.lookup_value ? 1 : 0));
  const { rows: made } = await client.query<{ id: string; owns_phone: boolean }>({
    name: "claim-leads",
    text: CLAIM,
    values: [JSON.stringify(rows)],
  });
  const ownsPhone = new Map(made.map((row) => [row.id, row.owns_phone]));
  return new Map(
    drafts.flatMap((draft) => {
      const owns = ownsPhone.get(draft.id);
      return owns === undefined ? [] : [[draft.id, toLead(draft, owns)] as const];
    }),
  );
}

const defaults = (draft: LeadDraft) => ({
  stage: draft.stage ?? "new",
  relationship: draft.relationship ?? "lead",
  metadata: draft.metadata ?? {},
  custom_fields: draft.custom_fields ?? {},
  converted_at: draft.stage === "converted" ? draft.now : null,
});

function toLead(draft: LeadDraft, ownsPhone: boolean): Lead {
  return {
    ...defaults(draft),
    workspace_id: draft.workspace_id,
    id: draft.id,
    name: draft.name,
    first_name: draft.first_name ?? null,
    last_name: draft.last_name ?? null,
    phone: draft.phone ?? null,
    phone_as_typed: draft.phone_as_typed ?? null,
    owns_phone: ownsPhone,
    email: draft.email ?? null,
    external_id: draft.external_id ?? null,
    origin: draft.origin,
    source_name: draft.source_name ?? null,
    source_url: draft.source_url ?? null,
    address: draft.address ?? null,
    notes: draft.notes ?? null,
    long_term_context: draft.long_term_context ?? null,
    opt_in: draft.opt_in ?? null,
    opt_in_transactional_sms: draft.opt_in_transactional_sms ?? null,
    created_at: draft.now,
    updated_at: draft.now,
  };
}

async function ownersOf(client: Client, drafts: readonly LeadDraft[]): Promise<Map<string, Lead>> {
  const { rows } = await client.query<Lead & { key_kind: KeyOfLead; key_value: string }>({
    name: "owners-of-lead-keys",
    text: `select l.*, k.kind as key_kind, k.value as key_value
      from (select distinct * from unnest($1::uuid[], $2::text[], $3::text[])) as wanted(workspace_id, kind, value)
      join lead_keys k using (workspace_id, kind, value)
      join leads l on l.workspace_id = k.workspace_id and l.id = k.lead_id`,
    values: [drafts.map((draft) => draft.workspace_id), drafts.map((draft) => draft.lookup), drafts.map(lookupValue)],
  });
  return new Map(rows.map(({ key_kind, key_value, ...lead }) => [keyName(lead.workspace_id, key_kind, key_value), lead as Lead]));
}

const keyName = (workspaceId: string, kind: string, value: string) => `${workspaceId} ${kind} ${value}`;
