import type { Agent } from "../../core/agents/agent.ts";
import type { Campaign, CampaignStatus } from "../../core/campaigns/campaign.ts";
import type { Contact, ContactView } from "../../core/campaigns/contact.ts";
import type { ContactStatus } from "../../core/tables.ts";

/** aiployees 4.5. */
const STATUS_OF = {
  created: "created",
  scheduled: "scheduled",
  processing: "processing",
  rescheduled: "rescheduled",
  completed: "completed",
  exhausted: "reached-max-retries",
  blocked: "blacklisted",
} as const satisfies Record<ContactStatus, string>;

export type LeadStatus = (typeof STATUS_OF)[ContactStatus];

export const LEAD_STATUSES = Object.values(STATUS_OF);

const CORE_STATUS = {
  created: "created",
  scheduled: "scheduled",
  processing: "processing",
  completed: "completed",
  rescheduled: "rescheduled",
  "reached-max-retries": "exhausted",
  blacklisted: "blocked",
} as const satisfies Record<LeadStatus, ContactStatus>;

export const contactStatusOf = (status: LeadStatus): ContactStatus => CORE_STATUS[status];

/** aiployees 4.1. What is a lead there is a contact of a campaign here. */
export function presentLead(contact: ContactView) {
  const { id, ...rest } = presentContact(contact);
  return {
    id,
    campaign_id: contact.campaign.number,
    ...rest,
    campaign: { id: contact.campaign.number, name: contact.campaign.name },
    secondary_contacts: contact.secondaries.map(presentContact),
  };
}

function presentContact(contact: Contact) {
  return {
    id: contact.number,
    phone_number: contact.phone,
    variables: contact.variables,
    status: STATUS_OF[contact.status],
    created_at: zoneless(contact.created_at),
    updated_at: zoneless(contact.updated_at),
  };
}

const CAMPAIGN_STATUS = {
  draft: "draft",
  running: "in-progress",
  stopped: "stopped",
  completed: "completed",
} as const satisfies Record<CampaignStatus, string>;

/** aiployees 5.1. */
export function presentCampaign(campaign: Campaign) {
  return {
    id: campaign.number,
    name: campaign.name,
    status: CAMPAIGN_STATUS[campaign.status],
    max_calls_in_parallel: campaign.max_parallel_calls,
    mark_complete_when_no_leads: campaign.complete_when_empty,
    allowed_hours_start_time: campaign.window_start,
    allowed_hours_end_time: campaign.window_end,
    allowed_days: campaign.days,
    max_retries: campaign.max_retries,
    retry_interval: campaign.retry_interval_minutes,
    created_at: microseconds(campaign.created_at),
    updated_at: microseconds(campaign.updated_at),
  };
}

/** aiployees 7.4, the outbound list: what of it an agent holds. */
export function presentAssistant(agent: Agent) {
  const { name, system_prompt, greeting_message, webhook_url } = agent.settings;
  return {
    id: agent.number,
    name,
    type: "outbound",
    status: agent.is_active ? "active" : "inactive",
    initial_message: greeting_message,
    system_prompt,
    webhook_url,
    is_webhook_active: webhook_url !== null,
    created_at: microseconds(agent.created_at),
    updated_at: microseconds(agent.updated_at),
  };
}

/** aiployees 1.6, `2025-06-30 11:53:20`; UTC. */
const zoneless = (date: Date): string => date.toISOString().slice(0, 19).replace("T", " ");

/** aiployees 1.6, `2025-05-29T07:18:34.000000Z`. */
const microseconds = (date: Date): string => date.toISOString().replace("Z", "000Z");
