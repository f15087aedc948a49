import type { Client } from "../../platform/postgres/database.ts";
import type { Lead, LeadView } from "../leads/lead.ts";
import { viewLeads } from "../leads/viewLeads.ts";
import type { Call } from "./row.ts";

/** A call with the lead whose number was called; null when there was none, or it is there no more. */
export interface CallView extends Call {
  lead: LeadView | null;
}

/** Takes calls of one workspace. */
export async function viewCalls(client: Pick<Client, "query">, workspaceId: string, calls: readonly Call[]): Promise<CallView[]> {
  const leadIds = [...new Set(calls.flatMap((call) => call.lead_id ?? []))];
  if (leadIds.length === 0) return calls.map((call) => ({ ...call, lead: null }));
  const { rows } = await client.query<Lead>({
    name: "leads-of-calls",
    text: "select * from leads where workspace_id = $1 and id = any($2::uuid[])",
    values: [workspaceId, leadIds],
  });
  const leads = new Map((await viewLeads(client, rows)).map((lead) => [lead.id, lead]));
  return calls.map((call) => ({ ...call, lead: leads.get(call.lead_id ?? "") ?? null }));
}
