import { sql } from "kysely";
import { type Context, requireScope } from "../context.ts";
import type { ContactStatus } from "../tables.ts";
import type { Contact, ContactView } from "./contact.ts";

export interface ContactFilter {
  status?: ContactStatus;
  campaignNumber?: number;
  /** Part of the phone number, E.164. */
  phonePart?: string;
  createdFrom?: Date;
  createdBefore?: Date;
}

/** Primary contacts of the workspace with their secondary ones, newest first. The offset is translated to a key by an index scan. */
export async function listContacts(ctx: Context, filter: ContactFilter, page: { limit: number; offset: number }): Promise<ContactView[]> {
  requireScope(ctx, "leads:read");
  let query = filtered(ctx, filter).selectAll("campaign_contacts").orderBy("campaign_contacts.number", "desc").limit(page.limit);
  if (page.offset > 0) {
    const first = filtered(ctx, filter).select("campaign_contacts.number").orderBy("campaign_contacts.number", "desc");
    query = query.where("campaign_contacts.number", "<=", first.offset(page.offset).limit(1));
  }
  const rows = await query
    .innerJoin("campaigns", (join) =>
      join
        .onRef("campaigns.workspace_id", "=", "campaign_contacts.workspace_id")
        .onRef("campaigns.id", "=", "campaign_contacts.campaign_id"),
    )
    .select(["campaigns.number as campaign_number", "campaigns.name as campaign_name"])
    .execute();
  const secondaries = await secondariesOf(
    ctx,
    rows.map(({ id }) => id),
  );
  return rows.map(({ campaign_number, campaign_name, ...contact }) => ({
    ...contact,
    campaign: { number: campaign_number, name: campaign_name },
    secondaries: secondaries.get(contact.id) ?? [],
  }));
}

export async function countContacts(ctx: Context, filter: ContactFilter): Promise<number> {
  requireScope(ctx, "leads:read");
  const { count } = await filtered(ctx, filter).select(sql<number>`count(*)`.as("count")).executeTakeFirstOrThrow();
  return count;
}

function filtered(ctx: Context, filter: ContactFilter) {
  let query = ctx.db.kysely
    .selectFrom("campaign_contacts")
    .where("campaign_contacts.workspace_id", "=", ctx.workspace.id)
    .where("campaign_contacts.parent_id", "is", null);
  const { status, campaignNumber, phonePart, createdFrom, createdBefore } = filter;
  if (status) query = query.where("campaign_contacts.status", "=", status);
  if (createdFrom) query = query.where("campaign_contacts.created_at", ">=", createdFrom);
  if (createdBefore) query = query.where("campaign_contacts.created_at", "<", createdBefore);
  if (phonePart) query = query.where("campaign_contacts.phone", "like", `%${phonePart.replace(/[\\%_]/g, "\\$&")}%`);
  if (campaignNumber !== undefined) {
    query = query.where("campaign_contacts.campaign_id", "=", (select) =>
      select.selectFrom("campaigns").select("id").where("workspace_id", "=", ctx.workspace.id).where("number", "=", campaignNumber),
    );
  }
  return query;
}

/** By the primary contact's id, in their order. */
async function secondariesOf(ctx: Context, ids: readonly string[]): Promise<Map<string | null, Contact[]>> {
  if (ids.length === 0) return new Map();
  const rows = await ctx.db.kysely
    .selectFrom("campaign_contacts")
    .selectAll()
    .where("workspace_id", "=", ctx.workspace.id)
    .where("parent_id", "in", ids)
    .orderBy("position")
    .execute();
  return Map.groupBy(rows, ({ parent_id }) => parent_id);
}
