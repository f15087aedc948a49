import type { DncEntryView } from "../../core/do-not-call/dnc-entry.ts";
import { presentEmbeddedAgent } from "./present-agent.ts";

/** yappr 7.6. */
export const presentDncEntry = (entry: DncEntryView) => ({
  id: entry.id,
  company_id: entry.workspace_id,
  phone_number: entry.phone,
  reason: entry.reason,
  source: entry.source,
  expires_at: entry.expires_at?.toISOString() ?? null,
  agents: entry.agents.map(presentEmbeddedAgent),
  created_by: entry.created_by,
  created_at: entry.created_at.toISOString(),
});
