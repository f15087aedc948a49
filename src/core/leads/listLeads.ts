import { sql } from "kysely";
import { uidRange } from "../../platform/ids.ts";
import { canonicalPhone } from "../../platform/phone.ts";
import { type Context, requireScope } from "../context.ts";
import type { LeadStage } from "../tables.ts";
import type { LeadView } from "./lead.ts";
import { viewLeads } from "./viewLeads.ts";

export interface LeadFilter {
  /** Only leads that own their phone: what a door can show that knows a lead by its phone. */
  ownsPhone?: boolean;
  /** The lead whose key this is, E.164. */
  phone?: string;
  /** Every lead that has this phone, E.164, be it their key or another lead's. */
  anyPhone?: string;
  /** Every lead whose phone was written just so, where that differs from E.164. */
  phoneAsTyped?: string;
  /** The lead whose key this is, lower case. */
  email?: string;
  id?: string;
  /** 16 characters (`uidOf`). */
  uid?: string;
  stage?: LeadStage;
  tag?: string;
  listId?: string;
  /** Part of the name, email or phone, as E.164 or as typed; case does not matter. */
  search?: string;
  updatedFrom?: Date;
  updatedTo?: Date;
  /** Whether there is a phone, be it only one that could not be read as a number. */
  hasPhone?: boolean;
}

/** After a lead (newest first), or from an offset, which is translated to a key by an index scan. */
export type LeadPage = { limit: number; after?: string } | { limit: number; offset: number };

/** Leads of the workspace, newest first. `limit` + 1 rows tell a caller whether there are more. */
export async function listLeads(ctx: Context, filter: LeadFilter, page: LeadPage): Promise<LeadView[]> {
  requireScope(ctx, "leads:read");
  let query = filtered(ctx, filter).selectAll("leads").orderBy("leads.id", "desc").limit(page.limit);
  if ("offset" in page && page.offset > 0) {
    const first = filtered(ctx, filter).select("leads.id").orderBy("leads.id", "desc").offset(page.offset).limit(1);
    query = query.where("leads.id", "<=", first);
  } else if ("after" in page && page.after) {
    query = query.where("leads.id", "<", page.after);
  }
  return viewLeads(ctx.db.pool, await query.execute());
}

export async function countLeads(ctx: Context, filter: LeadFilter): Promise<number> {
  requireScope(ctx, "leads:read");
  const { count } = await filtered(ctx, filter).select(sql<number>`count(*)`.as("count")).executeTakeFirstOrThrow();
  return count;
}

function filtered(ctx: Context, filter: LeadFilter) {
  let query = ctx.db.kysely.selectFrom("leads").where("leads.workspace_id", "=", ctx.workspace.id);
  const { ownsPhone, phone, anyPhone, phoneAsTyped, email, id, uid, stage, tag, listId, search, updatedFrom, updatedTo, hasPhone } = filter;
  if (ownsPhone) query = query.where("leads.owns_phone", "=", true);
  if (hasPhone === true)
    query = query.where((where) => where.or([where("leads.phone", "is not", null), where("phone_as_typed", "is not", null)]));
  if (hasPhone === false) query = query.where("leads.phone", "is", null).where("leads.phone_as_typed", "is", null);
  if (id) query = query.where("leads.id", "=", id);
  if (uid !== undefined) {
    const range = uidRange(uid);
    query = range ? query.where("leads.id", ">=", range.from).where("leads.id", "<=", range.to) : query.where(sql<boolean>`false`);
  }
  if (stage) query = query.where("leads.stage", "=", stage);
  if (updatedFrom) query = query.where("leads.updated_at", ">=", updatedFrom);
  if (updatedTo) query = query.where("leads.updated_at", "<=", updatedTo);
  if (phone !== undefined) query = query.where("leads.id", "in", ownerOf(ctx, "phone", canonicalPhone(phone)));
  if (anyPhone !== undefined) {
    query = query.where("leads.id", "in", ownerOf(ctx, "phone", anyPhone).union(sharersOf(ctx, anyPhone)));
  }
  if (phoneAsTyped !== undefined) query = query.where("phone_as_typed", "=", phoneAsTyped);
  if (email !== undefined) query = query.where("leads.id", "in", ownerOf(ctx, "email", email));
  if (tag !== undefined) {
    query = query.where("leads.id", "in", (select) =>
      select
        .selectFrom("lead_tags")
        .innerJoin("tags", (join) =>
          join.onRef("tags.workspace_id", "=", "lead_tags.workspace_id").onRef("tags.id", "=", "lead_tags.tag_id"),
        )
        .where("lead_tags.workspace_id", "=", ctx.workspace.id)
        .where("tags.name", "=", tag)
        .select("lead_tags.lead_id"),
    );
  }
  if (listId !== undefined) {
    query = query.where("leads.id", "in", (select) =>
      select.selectFrom("list_members").where("workspace_id", "=", ctx.workspace.id).where("list_id", "=", listId).select("lead_id"),
    );
  }
  if (search) {
    const pattern = `%${search.replace(/[\\%_]/g, "\\$&")}%`;
    query = query.where((where) =>
      where.or((["name", "phone", "phone_as_typed", "email"] as const).map((column) => where(`leads.${column}`, "ilike", pattern))),
    );
  }
  return query;
}

/** Leads whose phone is another lead's key. */
function sharersOf(ctx: Context, phone: string) {
  return (
    ctx.db.kysely
      .selectFrom("leads")
      .where("workspace_id", "=", ctx.workspace.id)
      .where("phone", "=", phone)
      // Written out, not a parameter: only so the partial index serves a plan that is made once.
      .where(sql<boolean>`not owns_phone`)
      .select("id as lead_id")
  );
}

function ownerOf(ctx: Context, kind: "phone" | "email", value: string) {
  return ctx.db.kysely
    .selectFrom("lead_keys")
    .where("workspace_id", "=", ctx.workspace.id)
    .where("kind", "=", kind)
    .where("value", "=", value)
    .select("lead_id");
}
