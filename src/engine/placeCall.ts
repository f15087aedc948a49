import { callIssues } from "../core/calls/callRules.ts";
import { type Context, requireScope } from "../core/context.ts";
import { InvalidInput } from "../core/errors.ts";
import type { JsonObject } from "../core/tables.ts";
import { hashJson } from "../platform/canonical-json.ts";
import { type Placed, placeCalls } from "./admission.ts";

export type { PlacedCall } from "./placed-call.ts";

export interface PlaceCall {
  agentId: string;
  /** E.164. */
  to: string;
  /** E.164; an active number of the workspace. */
  from: string;
  /** Fill the `{{Name}}` marks of what the agent says. */
  variables?: Record<string, string>;
  /** The caller's own notes on the call; kept and given back, never shown to the agent. */
  metadata?: JsonObject;
  /** Placing again with the same key and the same input is placing once. */
  idempotencyKey?: string;
}

/**
 * Places an outbound call: it is dialled now, waits for capacity, or is written down as forbidden by the Do-Not-Call list.
 * `replayed`: the idempotency key had been used for this very call before, and that answer is given again.
 *
 * Concurrent calls share one transaction. A refused call leaves nothing behind.
 * Throws InvalidInput("to" | "from" | "metadata" | "agentId"), NotFound("agent"), Conflict("idempotency_key_reused" | "idempotency_in_progress").
 */
export async function placeCall(ctx: Context, input: PlaceCall): Promise<Placed> {
  requireScope(ctx, "calls:create");
  const wanted = {
    agentId: input.agentId.toLowerCase(),
    to: input.to,
    from: input.from,
    variables: input.variables ?? {},
    metadata: input.metadata ?? {},
  };
  const issues = callIssues(wanted);
  if (issues.length > 0) throw new InvalidInput(issues);
  return ctx.db.together(placeCalls, {
    ...wanted,
    workspaceId: ctx.workspace.id,
    idempotency: input.idempotencyKey === undefined ? undefined : { key: input.idempotencyKey, requestHash: hashJson(wanted) },
    queueHours: ctx.settings.queueHours,
    now: ctx.clock.now(),
  });
}
