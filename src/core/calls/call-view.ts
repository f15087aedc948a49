import type { Client } from "../../platform/postgres/database.ts";
import type { Lead, LeadView } from "../leads/lead.ts";
import { viewLeads } from "../leads/viewLeads.ts";
import type { Call } from "./row.ts";

/** A call with the lead whose number was called; null when there was none, or it is there no more. */
export interface CallView extends Call {
  lead: LeadView | null;
  /** There is something to listen to, as the call is over. */
  recorded: boolean;
}

/** Takes calls of one workspace. */
export async function viewCalls(client: Pick<Client, "query">, workspaceId: string, calls: readonly Call[]): Promise<CallView[]> {
  const [leads, recorded] = [await leadsOf(client, workspaceId, calls), await recordedOf(client, workspaceId, calls)];
  return calls.map((call) => ({ ...call, lead: leads.get(call.lead_id ?? "") ?? null, recorded: recorded.has(call.id) }));
}

async function leadsOf(client: Pick<Client, "query">, workspaceId: string, calls: readonly Call[]): Promise<Map<string, LeadView>> {
  const leadIds = [...new Set(calls.flatMap((call) => call.lead_id ?? []))];
  if (leadIds.length === 0) return new Map();
  const { rows } = await client.query<Lead>({
    name: "leads-of-calls",
    text: "select * from leads where workspace_id = $1 and id = any($2::uuid[])",
    values: [workspaceId, leadIds],
  });
  return new Map((await viewLeads(client, rows)).map((lead) => [lead.id, lead]));
}

async function recordedOf(client: Pick<Client, "query">, workspaceId: string, calls: readonly Call[]): Promise<Set<string>> {
  const callIds = calls.filter((call) => call.status === "ended" && call.answered_at).map((call) => call.id);
  if (callIds.length === 0) return new Set();
  const { rows } = await client.query<{ call_id: string }>({
    name: "recordings-of-calls",
    text: "select call_id from recordings where workspace_id = $1 and call_id = any($2::uuid[]) and deleted_at is null",
    values: [workspaceId, callIds],
  });
  return new Set(rows.map((row) => row.call_id));
}
