import type { Transaction } from "kysely";
import { type InputIssue, InvalidInput } from "../errors.ts";
import type { Tables } from "../tables.ts";

/** What a number is called, and its agents. Throws InvalidInput("friendlyName" | "inboundAgentId" | "outboundAgentId"). */
export async function checkNumberSettings(
  tx: Transaction<Tables>,
  workspaceId: string,
  settings: { friendlyName?: string | null; inboundAgentId?: string | null; outboundAgentId?: string | null },
): Promise<void> {
  const issues: InputIssue[] = [];
  const name = settings.friendlyName;
  if (name != null && (name.trim() === "" || name.length > 200 || /\p{Cc}/u.test(name))) {
    issues.push({ path: ["friendlyName"], code: "invalid", message: "The name must have 1 to 200 characters, no control characters." });
  }
  for (const field of ["inboundAgentId", "outboundAgentId"] as const) {
    const id = settings[field];
    if (id == null) continue;
    const agent = await tx
      .selectFrom("agents")
      .select("is_active")
      .where("workspace_id", "=", workspaceId)
      .where("id", "=", id)
      .forKeyShare()
      .executeTakeFirst();
    if (!agent) issues.push({ path: [field], code: "unknown_agent", message: `There is no agent ${id} in the workspace.` });
    else if (!agent.is_active) issues.push({ path: [field], code: "inactive_agent", message: `The agent ${id} is not active.` });
  }
  if (issues.length > 0) throw new InvalidInput(issues);
}
