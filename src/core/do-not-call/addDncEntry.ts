import { newId } from "../../platform/ids.ts";
import { toE164 } from "../../platform/phone.ts";
import type { Client } from "../../platform/postgres/database.ts";
import { blockQueuedCalls } from "../calls/blockQueuedCalls.ts";
import { type Context, requireScope } from "../context.ts";
import { InvalidInput } from "../errors.ts";
import { checkDncTerms, type DncTerms, distinctIds } from "./checkDncTerms.ts";
import type { DncEntry, DncEntryView } from "./dnc-entry.ts";
import { viewDncEntries } from "./viewDncEntries.ts";

export interface AddDncEntry extends DncTerms {
  /** In any form that `toE164` reads. */
  phone: string;
  reason?: string | null;
  source: DncEntry["source"];
}

/**
 * Blocks a number. The entry that is there already is the answer and stays as it is; one that has expired blocks nothing any
 * more and gives way to the new one. Ends every queued call that it forbids, in the same transaction.
 * Throws InvalidInput("phone" | "expiresAt" | "agentIds").
 */
export async function addDncEntry(ctx: Context, input: AddDncEntry): Promise<{ entry: DncEntryView; existed: boolean }> {
  requireScope(ctx, "do_not_call:write");
  const now = ctx.clock.now();
  const phone = toE164(input.phone, ctx.workspace.country);
  if (!phone) throw InvalidInput.of("phone", "invalid_phone_number", "The number cannot be read as a phone number.");
  return ctx.db.inTransaction(async (client) => {
    await checkDncTerms(client, ctx.workspace.id, input, now);
    const { entry, existed } = await insert(client, ctx, input, phone, now);
    if (!existed) await blockQueuedCalls(client, blocking(entry, now));
    const [view] = await viewDncEntries(client, [entry]);
    return { entry: view as DncEntryView, existed };
  });
}

async function insert(
  client: Client,
  ctx: Context,
  input: AddDncEntry,
  phone: string,
  now: Date,
): Promise<{ entry: DncEntry; existed: boolean }> {
  // The entry in the way can be deleted before we read it; then the number is free again.
  for (let round = 0; round < 5; round++) {
    const made = await client.query<DncEntry>(INSERT, [
      ctx.workspace.id,
      newId(),
      phone,
      input.reason ?? null,
      input.source,
      distinctIds(input.agentIds ?? []),
      input.expiresAt ?? null,
      ctx.actor.keyId,
      now,
      newId(),
    ]);
    if (made.rows[0]) return { entry: made.rows[0], existed: false };
    const there = await client.query<DncEntry>("select * from dnc_entries where workspace_id = $1 and phone = $2", [
      ctx.workspace.id,
      phone,
    ]);
    if (there.rows[0]) return { entry: there.rows[0], existed: true };
  }
  throw new Error("the entry of this number keeps changing under us");
}

const INSERT = `
  with made as (
    insert into dnc_entries (workspace_id, id, phone, reason, source, agent_ids, expires_at, created_by, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
    on conflict (workspace_id, phone) do update set id = excluded.id, version = 1, reason = excluded.reason, source = excluded.source,
      agent_ids = excluded.agent_ids, expires_at = excluded.expires_at, created_by = excluded.created_by,
      created_at = excluded.created_at, updated_at = excluded.updated_at
      where dnc_entries.expires_at <= $9
    returning *
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, $10, 'dnc_entry.created', id, jsonb_build_object('version', version, 'phone', phone, 'key_id', created_by), $9 from made
  )
  select * from made`;

/** The calls that an entry forbids, for `blockQueuedCalls`. */
export const blocking = (entry: DncEntry, now: Date) => ({
  workspaceId: entry.workspace_id,
  phone: entry.phone,
  entryId: entry.id,
  reason: entry.reason,
  agentIds: entry.agent_ids,
  now,
});
