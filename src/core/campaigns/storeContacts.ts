import type { Client } from "../../platform/postgres/database.ts";
import type { GroupRun } from "../../platform/postgres/group-commit.ts";
import { Conflict, NotFound } from "../errors.ts";
import { type LeadDraft, type ResolvedLead, resolveLeads } from "../leads/resolveLeads.ts";
import type { JsonObject } from "../tables.ts";
import type { Contact, ContactView } from "./contact.ts";
import { type ContactToInsert, insertContacts } from "./insertContacts.ts";

export interface ContactDraft {
  id: string;
  variables: JsonObject;
  lead: LeadDraft & { phone: string };
}

export interface ContactRequest {
  workspaceId: string;
  campaignNumber: number;
  allowDuplicate: boolean;
  primary: ContactDraft;
  secondaries: readonly ContactDraft[];
  now: Date;
}

interface CampaignRow {
  workspace_id: string;
  id: string;
  number: number;
  name: string;
  agent_id: string;
}

/** A request whose campaign exists, with numbers for its contacts in the order they were given. */
interface Entry {
  request: ContactRequest;
  campaign: CampaignRow;
  numbers: readonly number[];
  /** The first of its transaction with this phone in this campaign. */
  leads: boolean;
}

type Outcomes = Map<ContactRequest, ContactView | Error>;

/**
 * Writes many requests in one transaction (a group commit).
 *
 * Per campaign, the first primary contact with a phone is `is_first`, whatever its request allows, and the unique index lets
 * only one in. A further one is refused, or let in beside it when its request allows duplicates. Who is refused is known
 * before anything is written for secondary contacts, so a refused request leaves nothing behind.
 */
export const storeContacts: GroupRun<ContactRequest, ContactView> = async (client, requests) => {
  const outcomes: Outcomes = new Map();
  const entries = await enter(client, requests, outcomes);
  const primaries = await storePrimaries(client, entries, outcomes);
  const secondaries = await storeSecondaries(client, primaries);
  for (const [{ request, campaign }, primary] of primaries) {
    outcomes.set(request, {
      ...primary,
      campaign: { number: campaign.number, name: campaign.name },
      secondaries: secondaries.get(primary.id) ?? [],
    });
  }
  return requests.map((request) => outcomes.get(request) as ContactView | Error);
};

async function enter(client: Client, requests: readonly ContactRequest[], outcomes: Outcomes): Promise<Entry[]> {
  const campaigns = await campaignsOf(client, requests);
  const numbers = await takeNumbers(
    client,
    requests.reduce((sum, { secondaries }) => sum + 1 + secondaries.length, 0),
  );
  const taken = new Set<string>();
  return requests.flatMap((request) => {
    const campaign = campaigns.get(campaignName(request.workspaceId, request.campaignNumber));
    const own = numbers.splice(0, 1 + request.secondaries.length);
    if (!campaign) {
      outcomes.set(request, new NotFound("campaign", String(request.campaignNumber)));
      return [];
    }
    const place = `${campaign.id} ${request.primary.lead.phone}`;
    const leads = !taken.has(place);
    taken.add(place);
    return { request, campaign, numbers: own, leads };
  });
}

/** Lets in whom the unique index lets in, and beside them those that allow duplicates. */
async function storePrimaries(client: Client, entries: readonly Entry[], outcomes: Outcomes): Promise<Map<Entry, Contact>> {
  const people = await resolveLeads(
    client,
    entries.map(({ request }) => request.primary.lead),
  );
  const wanted = entries.map((entry, index) => {
    const person = people[index] as ResolvedLead;
    return { entry, person, draft: toContact(entry, entry.request.primary, person, { position: 0, is_first: entry.leads }) };
  });
  const first = await insertContacts(
    client,
    wanted.filter(({ entry }) => entry.leads).map(({ draft }) => draft),
  );
  const beside = wanted.filter(({ entry, person, draft }) => {
    if (first.has(draft.contact.id)) return false;
    if (entry.request.allowDuplicate) return true;
    // The phone is a contact here but was nobody's, and the lead just made for it must not stay. Everything is rolled back,
    // the others of the group are tried again alone, and a lone request gets this very refusal.
    if (person.created) throw duplicate();
    outcomes.set(entry.request, duplicate());
    return false;
  });
  const further = await insertContacts(
    client,
    beside.map(({ draft }) => ({ ...draft, contact: { ...draft.contact, is_first: false } })),
  );
  return new Map(
    wanted.flatMap(({ entry, draft: { contact } }) => {
      const stored = first.get(contact.id) ?? further.get(contact.id);
      return stored ? [[entry, stored] as const] : [];
    }),
  );
}

/** By the id of their primary contact. */
async function storeSecondaries(client: Client, primaries: ReadonlyMap<Entry, Contact>): Promise<Map<string | null, Contact[]>> {
  const wanted = [...primaries].flatMap(([entry, { id: parent_id }]) =>
    entry.request.secondaries.map((draft, index) => ({ entry, draft, place: { parent_id, position: index + 1, is_first: false } })),
  );
  const people = await resolveLeads(
    client,
    wanted.map(({ draft }) => draft.lead),
  );
  const stored = await insertContacts(
    client,
    wanted.map(({ entry, draft, place }, index) => toContact(entry, draft, people[index] as ResolvedLead, place)),
  );
  return Map.groupBy(stored.values(), ({ parent_id }) => parent_id);
}

function toContact(
  { request, campaign, numbers }: Entry,
  draft: ContactDraft,
  person: ResolvedLead,
  place: { parent_id?: string; position: number; is_first: boolean },
): ContactToInsert {
  return {
    agentId: campaign.agent_id,
    contact: {
      workspace_id: request.workspaceId,
      id: draft.id,
      number: numbers[place.position] ?? 0,
      campaign_id: campaign.id,
      lead_id: person.lead.id,
      phone: draft.lead.phone,
      variables: draft.variables,
      status: "created",
      attempts: 0,
      parent_id: place.parent_id ?? null,
      position: place.position,
      is_first: place.is_first,
      created_at: request.now,
      updated_at: request.now,
    },
  };
}

async function campaignsOf(client: Client, requests: readonly ContactRequest[]): Promise<Map<string, CampaignRow>> {
  const { rows } = await client.query<CampaignRow>({
    name: "campaigns-by-number",
    text: `select c.workspace_id, c.id, c.number, c.name, c.agent_id
      from (select distinct * from unnest($1::uuid[], $2::bigint[])) as wanted(workspace_id, number)
      join campaigns c using (workspace_id, number)`,
    values: [requests.map(({ workspaceId }) => workspaceId), requests.map(({ campaignNumber }) => campaignNumber)],
  });
  return new Map(rows.map((row) => [campaignName(row.workspace_id, row.number), row]));
}

const campaignName = (workspaceId: string, number: number) => `${workspaceId} ${number}`;

async function takeNumbers(client: Client, count: number): Promise<number[]> {
  const { rows } = await client.query<{ number: number }>({
    name: "contact-numbers",
    text: "select nextval(pg_get_serial_sequence('campaign_contacts', 'number')) as number from generate_series(1, $1)",
    values: [count],
  });
  return rows.map(({ number }) => number);
}

const duplicate = () => new Conflict("duplicate_contact", "The phone number is a contact of this campaign already.");
