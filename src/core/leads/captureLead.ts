import { newId } from "../../platform/ids.ts";
import { dialableNumber, isE164 } from "../../platform/phone.ts";
import type { Client } from "../../platform/postgres/database.ts";
import type { GroupRun } from "../../platform/postgres/group-commit.ts";
import { type Context, requireScope } from "../context.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import type { JsonObject, LeadStage } from "../tables.ts";
import { attachTags } from "../tags/attachTags.ts";
import type { LeadView } from "./lead.ts";
import { claimLeads, type LeadDraft, type ResolvedLead, resolveLeads } from "./resolveLeads.ts";
import { viewLeads } from "./viewLeads.ts";

export interface CaptureLead {
  /** E.164, and dialable for libphonenumber. */
  phone: string;
  name: string;
  listId: string;
  email?: string | null;
  stage?: LeadStage;
  notes?: string | null;
  tagNames?: readonly string[];
  metadata?: JsonObject;
}

export interface CapturedLead {
  lead: LeadView;
  /** The phone was a lead's already: that lead joined the list and is otherwise as it was. */
  existed: boolean;
}

interface Item {
  draft: LeadDraft;
  listId: string;
  tagNames: readonly string[];
}

/**
 * Puts a person on a list: makes the lead when its phone is new in the workspace, else attaches the one that is there.
 * Concurrent captures share one commit. Throws InvalidInput("phone"), NotFound("list").
 */
export async function captureLead(ctx: Context, input: CaptureLead): Promise<CapturedLead> {
  requireScope(ctx, "leads:write");
  const phone = isE164(input.phone) ? dialableNumber(input.phone) : undefined;
  if (phone === undefined) {
    throw InvalidInput.of("phone", "invalid_phone_number", "The phone number is not a dialable E.164 number.");
  }
  const draft: LeadDraft = {
    workspace_id: ctx.workspace.id,
    id: newId(),
    lookup: "phone",
    name: input.name,
    phone,
    email: input.email?.toLowerCase() ?? null,
    origin: "api",
    ...(input.stage ? { stage: input.stage } : {}),
    notes: input.notes ?? null,
    ...(input.metadata ? { metadata: input.metadata } : {}),
    now: ctx.clock.now(),
  };
  const item = { draft, listId: input.listId.toLowerCase(), tagNames: input.tagNames ?? [] };
  // What most captures are, a new person without tags, is one statement. The others are looked at more closely.
  const fresh = item.tagNames.length === 0 ? await ctx.db.togetherInOneStatement(captureNewLeads, item) : undefined;
  return fresh ?? ctx.db.together(captureLeads, item);
}

const captureNewLeads: GroupRun<Item, CapturedLead | undefined> = async (client, items) => {
  const made = await claimLeads(
    client,
    items.map(({ draft, listId }) => ({ ...draft, list_id: listId })),
  );
  return items.map(({ draft, listId }) => {
    const lead = made.get(draft.id);
    return lead && { lead: { ...lead, tags: [], list_ids: [listId] }, existed: false };
  });
};

const captureLeads: GroupRun<Item, CapturedLead> = async (client, items) => {
  const known = await existingLists(client, items);
  const good = items.filter((item) => known.has(listName(item)));
  const resolved = await resolveLeads(
    client,
    good.map((item) => item.draft),
  );
  const captured = new Map(good.map((item, index) => [item, resolved[index] as ResolvedLead]));
  await joinLists(client, captured);
  const tagged = good.filter((item) => item.tagNames.length > 0 && captured.get(item)?.created);
  await attachTags(
    client,
    tagged.map(({ draft, tagNames }) => ({ workspaceId: draft.workspace_id, leadId: draft.id, names: tagNames, now: draft.now })),
  );
  // A new lead without tags is on this one list; only the others have to be read.
  const unsure = good.filter((item) => !captured.get(item)?.created || item.tagNames.length > 0);
  const views = await viewLeads(
    client,
    unsure.map((item) => (captured.get(item) as ResolvedLead).lead),
  );
  const seen = new Map(unsure.map((item, index) => [item, views[index] as LeadView]));
  return items.map((item) => {
    const hit = captured.get(item);
    if (!hit) return new NotFound("list", item.listId);
    return { lead: seen.get(item) ?? { ...hit.lead, tags: [], list_ids: [item.listId] }, existed: !hit.created };
  });
};

const listName = (item: Item) => `${item.draft.workspace_id} ${item.listId}`;

async function existingLists(client: Client, items: readonly Item[]): Promise<Set<string>> {
  const distinct = [...new Map(items.map((item) => [listName(item), item])).values()];
  const { rows } = await client.query<{ workspace_id: string; id: string }>({
    name: "existing-lists",
    text: "select workspace_id, id from lists join unnest($1::uuid[], $2::uuid[]) as wanted(workspace_id, id) using (workspace_id, id)",
    values: [distinct.map((item) => item.draft.workspace_id), distinct.map((item) => item.listId)],
  });
  return new Set(rows.map((row) => `${row.workspace_id} ${row.id}`));
}

async function joinLists(client: Client, captured: ReadonlyMap<Item, ResolvedLead>): Promise<void> {
  const members = [...captured].map(([item, { lead }]) => [lead.workspace_id, lead.id, item.listId, item.draft.now] as const);
  await client.query({
    name: "join-lists",
    text: `insert into list_members (workspace_id, lead_id, list_id, created_at)
      select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) on conflict do nothing`,
    values: [0, 1, 2, 3].map((column) => members.map((member) => member[column])),
  });
}
