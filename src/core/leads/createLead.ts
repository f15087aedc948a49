import { newId } from "../../platform/ids.ts";
import { toE164 } from "../../platform/phone.ts";
import type { Client } from "../../platform/postgres/database.ts";
import type { GroupRun } from "../../platform/postgres/group-commit.ts";
import { type Context, requireScope } from "../context.ts";
import { Conflict, InvalidInput } from "../errors.ts";
import type { JsonObject, LeadStage } from "../tables.ts";
import { attachTags } from "../tags/attachTags.ts";
import { findMissingTags } from "../tags/findMissingTags.ts";
import type { LeadView } from "./lead.ts";
import { type LeadDraft, resolveLeads } from "./resolveLeads.ts";
import { viewLeads } from "./viewLeads.ts";

export interface CreateLead {
  /** In any form that `toE164` reads. */
  phone: string;
  name?: string | null;
  email?: string | null;
  stage?: LeadStage;
  longTermContext?: string | null;
  metadata?: JsonObject;
  tagNames?: readonly string[];
  tagIds?: readonly string[];
}

interface Item {
  draft: LeadDraft;
  tagNames: readonly string[];
  tagIds: readonly string[];
}

/**
 * Makes a lead whose phone no lead of the workspace has yet.
 * Throws InvalidInput("phone" | "tagIds"), Conflict("lead_exists") with that lead's id.
 */
export async function createLead(ctx: Context, input: CreateLead): Promise<LeadView> {
  requireScope(ctx, "leads:write");
  const phone = toE164(input.phone, ctx.workspace.country);
  if (!phone) throw InvalidInput.of("phone", "invalid_phone_number", "The phone number cannot be read as an E.164 number.");
  const draft: LeadDraft = {
    workspace_id: ctx.workspace.id,
    id: newId(),
    lookup: "phone",
    name: input.name ?? "",
    phone,
    email: input.email?.toLowerCase() ?? null,
    origin: "api",
    ...(input.stage ? { stage: input.stage } : {}),
    long_term_context: input.longTermContext ?? null,
    metadata: input.metadata ?? {},
    now: ctx.clock.now(),
  };
  return ctx.db.together(createLeads, { draft, tagNames: input.tagNames ?? [], tagIds: input.tagIds ?? [] });
}

const createLeads: GroupRun<Item, LeadView> = async (client, items) => {
  const results = new Map<Item, LeadView | Error>();
  await refuseUnknownTags(client, items, results);
  const good = items.filter((item) => !results.has(item));
  const resolved = await resolveLeads(
    client,
    good.map((item) => item.draft),
  );
  const made = good.filter((item, index) => {
    const { lead, created } = resolved[index] as (typeof resolved)[number];
    if (!created) results.set(item, new Conflict("lead_exists", "A lead with this phone number exists already.", lead.id));
    return created;
  });
  await attachTags(
    client,
    made.map(({ draft, tagNames, tagIds }) => ({
      workspaceId: draft.workspace_id,
      leadId: draft.id,
      names: tagNames,
      ids: tagIds,
      now: draft.now,
    })),
  );
  const leads = resolved.filter(({ created }) => created).map(({ lead }) => lead);
  const views = await viewLeads(client, leads);
  made.forEach((item, index) => {
    results.set(item, views[index] as LeadView);
  });
  return items.map((item) => results.get(item) as LeadView | Error);
};

async function refuseUnknownTags(client: Client, items: readonly Item[], results: Map<Item, LeadView | Error>): Promise<void> {
  for (const item of items) {
    if (item.tagIds.length === 0) continue;
    const missing = await findMissingTags(client, item.draft.workspace_id, item.tagIds);
    if (missing.length > 0) {
      results.set(item, InvalidInput.of("tagIds", "unknown_tag", `Unknown tag: ${missing.join(", ")}.`));
    }
  }
}
