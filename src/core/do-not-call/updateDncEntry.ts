import { newId } from "../../platform/ids.ts";
import { blockQueuedCalls } from "../calls/blockQueuedCalls.ts";
import { type Context, requireScope } from "../context.ts";
import { InvalidInput, NotFound } from "../errors.ts";
import { blocking } from "./addDncEntry.ts";
import { checkDncTerms, type DncTerms, distinctIds } from "./checkDncTerms.ts";
import type { DncEntry, DncEntryView } from "./dnc-entry.ts";
import { viewDncEntries } from "./viewDncEntries.ts";

/** What is undefined stays as it is. */
export interface UpdateDncEntry extends DncTerms {
  reason?: string | null;
}

/**
 * Changes an entry, as its next version, and ends the queued calls that it now forbids, in the same transaction.
 * Throws NotFound("dnc_entry"), InvalidInput("expiresAt" | "agentIds") or nothing to change.
 */
export async function updateDncEntry(ctx: Context, id: string, input: UpdateDncEntry): Promise<DncEntryView> {
  requireScope(ctx, "do_not_call:write");
  const { reason, expiresAt, agentIds } = input;
  if (reason === undefined && expiresAt === undefined && agentIds === undefined) {
    throw InvalidInput.of([], "nothing_to_change", "There is nothing to change: send at least one field that can be changed.");
  }
  const now = ctx.clock.now();
  return ctx.db.inTransaction(async (client) => {
    await checkDncTerms(client, ctx.workspace.id, input, now);
    const { rows } = await client.query<DncEntry>(UPDATE, [
      ctx.workspace.id,
      id,
      reason !== undefined,
      reason ?? null,
      expiresAt !== undefined,
      expiresAt ?? null,
      agentIds ? distinctIds(agentIds) : null,
      now,
      newId(),
      ctx.actor.keyId,
    ]);
    const [entry] = rows;
    if (!entry) throw new NotFound("dnc_entry", id);
    // An expired entry whose expiry is not moved forbids nothing.
    if (!entry.expires_at || entry.expires_at > now) await blockQueuedCalls(client, blocking(entry, now));
    const [view] = await viewDncEntries(client, [entry]);
    return view as DncEntryView;
  });
}

const UPDATE = `
  with changed as (
    update dnc_entries set reason = case when $3 then $4 else reason end, expires_at = case when $5 then $6::timestamptz else expires_at end,
      agent_ids = coalesce($7::uuid[], agent_ids), version = version + 1, updated_at = $8
    where workspace_id = $1 and id = $2
    returning *
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, $9, 'dnc_entry.updated', id, jsonb_build_object('version', version, 'phone', phone, 'key_id', $10::uuid), $8 from changed
  )
  select * from changed`;
