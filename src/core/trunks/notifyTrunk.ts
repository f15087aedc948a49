import { sql, type Transaction } from "kysely";
import type { Tables } from "../tables.ts";
import { TRUNKS_CHANNEL } from "./channel.ts";

/** Tells every process of the change, once the transaction commits. */
export async function notifyTrunk(tx: Transaction<Tables>, id: string): Promise<void> {
  await sql`select pg_notify(${TRUNKS_CHANNEL}, ${id})`.execute(tx);
}
