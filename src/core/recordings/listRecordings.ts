import { type Context, requireScope } from "../context.ts";

export interface ListedRecording {
  call_id: string;
  /** Under RECORDINGS_DIR. */
  file: string;
  started_at: Date;
  /** Null, as is `bytes`, while the call goes on, and for ever when its voice process died. */
  duration_ms: number | null;
  bytes: number | null;
  direction: "outbound" | "inbound";
  from_number: string;
  to_number: string;
}

/** The workspace's recordings that are not deleted, newest first. `number`, E.164: only of calls from or to it. */
export function listRecordings(ctx: Context, { number, limit }: { number?: string; limit: number }): Promise<ListedRecording[]> {
  requireScope(ctx, "calls:read");
  let query = ctx.db.kysely
    .selectFrom("recordings as r")
    .innerJoin("calls as c", (join) => join.onRef("c.workspace_id", "=", "r.workspace_id").onRef("c.id", "=", "r.call_id"))
    .select(["r.call_id", "r.file", "r.started_at", "r.duration_ms", "r.bytes", "c.direction", "c.from_number", "c.to_number"])
    .where("r.workspace_id", "=", ctx.workspace.id)
    .where("r.deleted_at", "is", null);
  if (number !== undefined) query = query.where((or) => or.or([or("c.from_number", "=", number), or("c.to_number", "=", number)]));
  return query.orderBy("r.call_id", "desc").limit(limit).execute();
}
