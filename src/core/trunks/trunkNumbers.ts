import type { House } from "../context.ts";

/** A number on a trunk, with the workspace that it belongs to. */
export interface TrunkNumber {
  phone: string;
  friendly_name: string | null;
  is_active: boolean;
  inbound_agent_id: string | null;
  workspace_id: string;
  workspace_uid: string;
  workspace_name: string;
}

/** All numbers on a trunk, whosever they are, in their order; for the operator. */
export function trunkNumbers(db: Pick<House["db"]["kysely"], "selectFrom">, trunkId: string): Promise<TrunkNumber[]> {
  return db
    .selectFrom("trunk_numbers as t")
    .innerJoin("phone_numbers as p", (join) => join.onRef("p.workspace_id", "=", "t.workspace_id").onRef("p.id", "=", "t.phone_number_id"))
    .innerJoin("workspaces as w", "w.id", "t.workspace_id")
    .select(["t.phone", "p.friendly_name", "p.is_active", "p.inbound_agent_id", "t.workspace_id"])
    .select(["w.uid as workspace_uid", "w.name as workspace_name"])
    .where("t.trunk_id", "=", trunkId)
    .orderBy("t.phone")
    .execute();
}
