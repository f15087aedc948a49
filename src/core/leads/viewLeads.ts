import type { Client } from "../../platform/postgres/database.ts";
import type { Lead, LeadView, Tag } from "./lead.ts";

/** Adds to each lead its tags and lists. Takes leads of any workspaces; a pool or a transaction's client. */
export async function viewLeads(client: Pick<Client, "query">, leads: readonly Lead[]): Promise<LeadView[]> {
  if (leads.length === 0) return [];
  const keys = [leads.map((lead) => lead.workspace_id), leads.map((lead) => lead.id)];
  const { rows } = await client.query<{ lead_id: string; list_ids: string[]; tags: Tag[] | null }>({
    name: "view-leads",
    text: `select l.id as lead_id,
        array(select m.list_id from list_members m where m.workspace_id = l.workspace_id and m.lead_id = l.id order by m.created_at, m.list_id) as list_ids,
        (select json_agg(t.* order by lt.position, t.sort_order) from lead_tags lt join tags t on t.workspace_id = lt.workspace_id and t.id = lt.tag_id
          where lt.workspace_id = l.workspace_id and lt.lead_id = l.id) as tags
      from unnest($1::uuid[], $2::uuid[]) as l(workspace_id, id)`,
    values: keys,
  });
  const found = new Map(rows.map((row) => [row.lead_id, row]));
  return leads.map((lead) => {
    const row = found.get(lead.id);
    return { ...lead, list_ids: row?.list_ids ?? [], tags: (row?.tags ?? []).map(revive) };
  });
}

/** A tag that came through JSON has its time as text. */
const revive = (tag: Tag): Tag => ({ ...tag, created_at: new Date(tag.created_at) });
