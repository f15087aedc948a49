import type { LeadView } from "../../core/leads/lead.ts";
import type { CountedList } from "../../core/lists/listLists.ts";
import type { LeadStage } from "../../core/tables.ts";

const STATUS_OF = { new: "New", contacted: "Contacted", converted: "Converted", unsubscribed: "Unsubscribed" } as const satisfies Record<
  LeadStage,
  string
>;

export type LeadStatus = (typeof STATUS_OF)[LeadStage];

export const stageOf = (status: LeadStatus): LeadStage => status.toLowerCase() as LeadStage;

/** topcalls 3. */
export function presentLead(lead: LeadView) {
  return {
    id: lead.id,
    account_id: lead.workspace_id,
    name: lead.name,
    phone_number: lead.phone ?? "",
    status: STATUS_OF[lead.stage],
    tags: lead.tags.map((tag) => tag.name),
    created_at: lead.created_at.toISOString(),
    updated_at: lead.updated_at.toISOString(),
    email: lead.email,
    notes: lead.notes,
    metadata: lead.metadata,
    converted_at: lead.converted_at?.toISOString() ?? null,
    list_ids: lead.list_ids,
  };
}

export function presentList(list: CountedList) {
  return {
    id: list.id,
    account_id: list.workspace_id,
    name: list.name,
    lead_count: list.lead_count,
    created_at: list.created_at.toISOString(),
    updated_at: list.updated_at.toISOString(),
  };
}
