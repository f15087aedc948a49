import type { Client } from "../../platform/postgres/database.ts";
import { type InputIssue, InvalidInput } from "../errors.ts";

export interface DncTerms {
  /** Null: for ever. */
  expiresAt?: Date | null;
  /** Empty: every agent. */
  agentIds?: readonly string[];
}

/** Throws InvalidInput("expiresAt" | "agentIds"): a time that is none or is over, agents that the workspace does not have. */
export async function checkDncTerms(client: Pick<Client, "query">, workspaceId: string, terms: DncTerms, now: Date): Promise<void> {
  const issues = [...checkExpiry(terms.expiresAt ?? null, now), ...(await checkAgents(client, workspaceId, terms.agentIds ?? []))];
  if (issues.length > 0) throw new InvalidInput(issues);
}

function checkExpiry(expiresAt: Date | null, now: Date): InputIssue[] {
  if (expiresAt === null || expiresAt > now) return [];
  // A comparison with a time that is none is never true.
  const message = "The expiry must be a time in the future.";
  return [{ path: ["expiresAt"], code: "in_the_past", message }];
}

async function checkAgents(client: Pick<Client, "query">, workspaceId: string, agentIds: readonly string[]): Promise<InputIssue[]> {
  if (agentIds.length === 0) return [];
  const { rows } = await client.query<{ id: string }>("select id from agents where workspace_id = $1 and id = any($2::uuid[])", [
    workspaceId,
    agentIds,
  ]);
  const known = new Set(rows.map((row) => row.id));
  return agentIds.flatMap((id, index) =>
    known.has(id.toLowerCase()) ? [] : [{ path: ["agentIds", index], code: "unknown_agent", message: `There is no agent ${id}.` }],
  );
}

/** As they are kept: each agent once. */
export const distinctIds = (ids: readonly string[]): string[] => [...new Set(ids.map((id) => id.toLowerCase()))];
