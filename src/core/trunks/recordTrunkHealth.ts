import { storableText } from "../../platform/postgres/storableText.ts";
import type { House } from "../context.ts";

export interface TrunkCheck {
  trunkId: string;
  /** As `gatewayName` writes it. */
  gateway: string;
  check: "options" | "registration" | "calls";
  state: "up" | "down";
  /** For people. */
  detail: string;
  at: Date;
}

/** Writes down what a node found. False: the node is not registered (yet), or the trunk is gone, and nothing was written. */
export async function recordTrunkHealth({ db }: Pick<House, "db">, nodeId: string, found: TrunkCheck): Promise<boolean> {
  const { rowCount } = await db.pool.query({
    name: "record-trunk-health",
    text: `
      insert into trunk_health as health (trunk_id, node_id, gateway, check_kind, state, detail, changed_at, checked_at)
      select trunks.id, nodes.id, $3, $4, $5, $6, $7, $7 from trunks, nodes where trunks.id = $1 and nodes.id = $2
      on conflict (trunk_id, node_id, gateway, check_kind) do update
        set state = excluded.state, detail = excluded.detail, checked_at = excluded.checked_at,
          changed_at = case when health.state = excluded.state then health.changed_at else excluded.changed_at end`,
    values: [found.trunkId, nodeId, found.gateway, found.check, found.state, storableText(found.detail), found.at],
  });
  return rowCount === 1;
}

/** Forgets what the node found about gateways that are no longer checked, such as those that a trunk no longer has. */
export async function keepTrunkHealth(
  { db }: Pick<House, "db">,
  nodeId: string,
  checked: ReadonlyArray<Pick<TrunkCheck, "trunkId" | "gateway" | "check">>,
): Promise<void> {
  await db.pool.query(
    `delete from trunk_health where node_id = $1 and (trunk_id, gateway, check_kind) not in
       (select * from unnest($2::uuid[], $3::text[], $4::text[]))`,
    [nodeId, checked.map((one) => one.trunkId), checked.map((one) => one.gateway), checked.map((one) => one.check)],
  );
}
