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
  id: string;
  number: number;
  name: string;
  agent_id: string;
  taken: boolean;
}

/** A request that may come in, with numbers for its contacts in the order they were given. */
interface Entry {
  request: ContactRequest;
  campaign: CampaignRow;
  numbers: readonly number[];
  /** Nobody with this phone is in this campaign yet, as far as can be seen. */
  isFirst: boolean;
}

type Outcomes = Map<ContactRequest, ContactView | Error>;
type People = ReadonlyMap<ContactDraft, ResolvedLead>;

/**
 * Writes many requests in one transaction (a group commit).
 *
 * Per campaign, the first primary contact with a phone is `is_first`, whatever its request allows, and the unique index lets
 * only one in. A further one is refused, or let in beside it when its request allows duplicates. Nearly all who are refused are
 * so before anything is written for them. Everybody takes the keys of all leads at once and then the places in campaigns, so
 * that two transactions do not wait for each other crosswise.
 */
export const storeContacts: GroupRun<ContactRequest, ContactView> = async (client, requests) => {
  const outcomes: Outcomes = new Map();
  const entries = await enter(client, requests, outcomes);
  const people = await resolvePeople(client, entries);
  const first = await insertContacts(
    client,
    entries.filter(({ isFirst }) => isFirst).map((entry) => toPrimary(entry, people, true)),
  );
  const stayed = entries.filter((entry) => first.has(entry.request.primary.id) || staysBeside(entry, people, outcomes));
  const others = await insertContacts(
    client,
    stayed.flatMap((entry) => [
      ...(first.has(entry.request.primary.id) ? [] : [toPrimary(entry, people, false)]),
      ...toSecondaries(entry, people),
    ]),
  );
  for (const { request, campaign } of stayed) {
    // One of the two has it, and what is not first always comes in.
    const primary = (first.get(request.primary.id) ?? others.get(request.primary.id)) as Contact;
    outcomes.set(request, {
      ...primary,
      campaign: { number: campaign.number, name: campaign.name },
      secondaries: request.secondaries.flatMap(({ id }) => others.get(id) ?? []),
    });
  }
  return requests.map((request) => outcomes.get(request) as ContactView | Error);
};

/** Refuses those without a campaign, and those whose phone is in it and who do not allow that. */
async function enter(client: Client, requests: readonly ContactRequest[], outcomes: Outcomes): Promise<Entry[]> {
  const campaigns = await campaignsOf(client, requests);
  const seen = new Set<string>();
  const entering = requests.flatMap((request, index) => {
    const campaign = campaigns.get(index);
    if (!campaign) {
      outcomes.set(request, new NotFound("campaign", String(request.campaignNumber)));
      return [];
    }
    const place = `${campaign.id} ${request.primary.lead.phone}`;
    const isFirst = !campaign.taken && !seen.has(place);
    seen.add(place);
    if (isFirst || request.allowDuplicate) return [{ request, campaign, isFirst }];
    outcomes.set(request, duplicate());
    return [];
  });
  const numbers = await takeNumbers(
    client,
    entering.reduce((sum, { request }) => sum + 1 + request.secondaries.length, 0),
  );
  return entering.map((entry) => ({ ...entry, numbers: numbers.splice(0, 1 + entry.request.secondaries.length) }));
}

async function resolvePeople(client: Client, entries: readonly Entry[]): Promise<People> {
  const drafts = [...entries.map(({ request }) => request.primary), ...entries.flatMap(({ request }) => request.secondaries)];
  const leads = await resolveLeads(
    client,
    drafts.map(({ lead }) => lead),
  );
  return new Map(drafts.map((draft, index) => [draft, leads[index] as ResolvedLead]));
}

/** Of one that is not first, perhaps because somebody else was since we looked. */
function staysBeside({ request }: Entry, people: People, outcomes: Outcomes): boolean {
  if (request.allowDuplicate) return true;
  // A lead just made for it must not stay. Everything is rolled back, the others of the group are tried again alone, and a
  // lone request gets this very refusal.
  if ([request.primary, ...request.secondaries].some((draft) => people.get(draft)?.created)) throw duplicate();
  outcomes.set(request, duplicate());
  return false;
}

const toPrimary = (entry: Entry, people: People, isFirst: boolean): ContactToInsert =>
  toContact(entry, entry.request.primary, people, { position: 0, is_first: isFirst });

const toSecondaries = (entry: Entry, people: People): ContactToInsert[] =>
  entry.request.secondaries.map((draft, index) =>
    toContact(entry, draft, people, { parent_id: entry.request.primary.id, position: index + 1, is_first: false }),
  );

function toContact(
  { request, campaign, numbers }: Entry,
  draft: ContactDraft,
  people: People,
  place: { parent_id?: string; position: number; is_first: boolean },
): ContactToInsert {
  return {
    agentId: campaign.agent_id,
    contact: {
      workspace_id: request.workspaceId,
      id: draft.id,
      number: numbers[place.position] ?? 0,
      campaign_id: campaign.id,
      // Everybody of an entry was resolved.
      lead_id: (people.get(draft) as ResolvedLead).lead.id,
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

/** By the request's place. `taken`: its phone is a primary contact there already. */
async function campaignsOf(client: Client, requests: readonly ContactRequest[]): Promise<Map<number, CampaignRow>> {
  const { rows } = await client.query<CampaignRow & { place: number }>({
    name: "campaigns-of-contacts",
    text: `select c.id, c.number, c.name, c.agent_id, w.place, exists (
        select from campaign_contacts k
        where k.workspace_id = c.workspace_id and k.campaign_id = c.id and k.phone = w.phone and k.is_first) as taken
      from unnest($1::uuid[], $2::bigint[], $3::text[]) with ordinality as w(workspace_id, number, phone, place)
      join campaigns c on c.workspace_id = w.workspace_id and c.number = w.number`,
    values: [
      requests.map(({ workspaceId }) => workspaceId),
      requests.map(({ campaignNumber }) => campaignNumber),
      requests.map(({ primary }) => primary.lead.phone),
    ],
  });
  return new Map(rows.map(({ place, ...campaign }) => [place - 1, campaign]));
}

async function takeNumbers(client: Client, count: number): Promise<number[]> {
  const { rows } = await client.query<{ number: number }>({
    name: "contact-numbers",
    text: "select nextval(pg_get_serial_sequence('campaign_contacts', 'number')) as number from generate_series(1, $1)",
    values: [count],
  });
  return rows.map(({ number }) => number);
}

const duplicate = () => new Conflict("duplicate_contact", "The phone number is a contact of this campaign already.");
