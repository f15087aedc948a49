import { newId } from "../../platform/ids.ts";
import { type Context, requireScope } from "../context.ts";
import { NotFound } from "../errors.ts";

/** Lets a number be called again. Throws NotFound("dnc_entry"). */
export async function deleteDncEntry(ctx: Context, id: string): Promise<void> {
  requireScope(ctx, "do_not_call:write");
  const { rows } = await ctx.db.pool.query(DELETE, [ctx.workspace.id, id, newId(), ctx.actor.keyId, ctx.clock.now()]);
  if (rows.length === 0) throw new NotFound("dnc_entry", id);
}

const DELETE = `
  with gone as (
    delete from dnc_entries where workspace_id = $1 and id = $2 returning *
  ), noted as (
    insert into events (workspace_id, id, type, subject_id, payload, created_at)
    select workspace_id, $3, 'dnc_entry.deleted', id, jsonb_build_object('version', version, 'phone', phone, 'key_id', $4::uuid), $5::timestamptz from gone
  )
  select id from gone`;
