import type { LeadView, Tag } from "../../core/leads/lead.ts";
import type { LeadOrigin } from "../../core/tables.ts";

/** yappr 7.8: how the lead came to be. */
const SOURCE_OF = { api: "api", manual: "manual", inbound_call: "auto" } as const satisfies Record<LeadOrigin, string>;

export function presentLead(lead: LeadView) {
  return {
    id: lead.id,
    phone_number: lead.phone ?? "",
    name: lead.name || null,
    email: lead.email,
    source: SOURCE_OF[lead.origin],
    tags: lead.tags.map(presentTag),
    long_term_context: lead.long_term_context,
    metadata: lead.metadata,
    created_at: lead.created_at.toISOString(),
    updated_at: lead.updated_at.toISOString(),
  };
}

const presentTag = (tag: Tag) => ({
  id: tag.id,
  name: tag.name,
  description: tag.description,
  color: tag.color,
  sort_order: tag.sort_order,
  created_at: tag.created_at.toISOString(),
});
