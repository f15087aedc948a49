import { newId } from "../../platform/ids.ts";
import type { Client } from "../../platform/postgres/database.ts";

export interface TagsForLead {
  workspaceId: string;
  leadId: string;
  /** Made when the workspace has no tag of that name yet; names are compared exactly. */
  names?: readonly string[];
  /** Must exist. */
  ids?: readonly string[];
  now: Date;
}

/** Hangs tags on leads, in the order given; one that is there already stays. Runs inside the caller's transaction. */
export async function attachTags(client: Client, items: readonly TagsForLead[]): Promise<void> {
  const named = items.flatMap((item) =>
    (item.names ?? []).map((name, position) => ({
      workspace_id: item.workspaceId,
      lead_id: item.leadId,
      name,
      position,
      now: item.now,
      id: newId(),
    })),
  );
  if (named.length > 0) {
    await client.query(
      `insert into tags (workspace_id, id, name, sort_order, created_at)
       select n.workspace_id, n.id, n.name,
         (select coalesce(max(sort_order), 0) from tags t where t.workspace_id = n.workspace_id)
           + row_number() over (partition by n.workspace_id order by n.id), n.now
       from (select distinct on (workspace_id, name) * from json_to_recordset($1::json) as d(workspace_id uuid, id uuid, name text, now timestamptz)
             order by workspace_id, name, id) n
       where not exists (select from tags t where t.workspace_id = n.workspace_id and t.name = n.name)
       order by n.workspace_id, n.name
       on conflict do nothing`,
      [JSON.stringify(named)],
    );
    await client.query(
      `insert into lead_tags (workspace_id, lead_id, tag_id, position)
       select d.workspace_id, d.lead_id, t.id, d.position
       from json_to_recordset($1::json) as d(workspace_id uuid, lead_id uuid, name text, position integer)
       join tags t on t.workspace_id = d.workspace_id and t.name = d.name
       on conflict do nothing`,
      [JSON.stringify(named)],
    );
  }
  const byId = items.flatMap((item) =>
    (item.ids ?? []).map((tag_id, position) => ({ workspace_id: item.workspaceId, lead_id: item.leadId, tag_id, position })),
  );
  if (byId.length > 0) {
    await client.query(
      `insert into lead_tags (workspace_id, lead_id, tag_id, position)
       select workspace_id, lead_id, tag_id, position
       from json_to_recordset($1::json) as d(workspace_id uuid, lead_id uuid, tag_id uuid, position integer)
       on conflict do nothing`,
      [JSON.stringify(byId)],
    );
  }
}
