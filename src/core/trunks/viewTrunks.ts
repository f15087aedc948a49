import { sql } from "kysely";
import type { House } from "../context.ts";
import { gatewayName, type Trunk } from "./trunk.ts";
import type { TrunkHealth, TrunkView } from "./trunk-view.ts";

/** A node that has not been heard of for longer says nothing of how things are now. */
const NODE_SPEAKS_FOR_SECONDS = 15;

/** The same trunks in the same order, with what goes on there. */
export async function viewTrunks(house: Pick<House, "db">, trunks: readonly Trunk[]): Promise<TrunkView[]> {
  if (trunks.length === 0) return [];
  const ids = trunks.map(({ id }) => id);
  const [channels, numbers, health] = await Promise.all([channelsOf(house, ids), numbersOf(house, ids), healthOf(house, ids)]);
  return trunks.map((trunk) => ({
    ...trunk,
    channels_in_use: channels.get(trunk.id) ?? 0,
    number_count: numbers.get(trunk.id) ?? 0,
    health: health.filter((row) => row.trunk_id === trunk.id && concerns(trunk, row)).map(toHealth),
  }));
}

/** What was found of a gateway that has since been taken away is of no interest. */
const concerns = (trunk: Trunk, { gateway, check_kind }: { gateway: string; check_kind: TrunkHealth["check"] }): boolean =>
  trunk.gateways.some((one) => gatewayName(one) === gateway) && (check_kind !== "registration" || trunk.register);

/** A trunk without a limit keeps no count: its calls are counted here. */
async function channelsOf({ db }: Pick<House, "db">, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.kysely
    .selectFrom("trunks as t")
    .leftJoin("trunk_capacity as c", "c.trunk_id", "t.id")
    .select(["t.id"])
    .select(
      sql<number>`case when t.max_channels is null then (select count(*) from live_calls l where l.trunk_id = t.id)
        else coalesce(c.in_use, 0) end`.as("channels"),
    )
    .where("t.id", "in", ids)
    .execute();
  return new Map(rows.map(({ id, channels }) => [id, channels]));
}

async function numbersOf({ db }: Pick<House, "db">, ids: readonly string[]): Promise<Map<string, number>> {
  const rows = await db.kysely
    .selectFrom("trunk_numbers")
    .select(["trunk_id", sql<number>`count(*)`.as("numbers")])
    .where("trunk_id", "in", ids)
    .groupBy("trunk_id")
    .execute();
  return new Map(rows.map(({ trunk_id, numbers }) => [trunk_id, numbers]));
}

const healthOf = ({ db }: Pick<House, "db">, ids: readonly string[]) =>
  db.kysely
    .selectFrom("trunk_health as h")
    .innerJoin("nodes as n", "n.id", "h.node_id")
    .select(["h.trunk_id", "h.gateway", "h.check_kind", "h.state", "h.detail", "h.changed_at", "h.checked_at"])
    .select(["n.id as node_id", "n.host", "n.pid"])
    .where("h.trunk_id", "in", ids)
    // By the database's clock, as heartbeats are.
    .where(sql<boolean>`n.heartbeat_at > now() - make_interval(secs => ${NODE_SPEAKS_FOR_SECONDS})`)
    .orderBy("h.gateway")
    .orderBy("n.host")
    .orderBy("n.pid")
    .orderBy(sql`h.check_kind = 'calls'`)
    .orderBy("h.check_kind")
    .execute();

type HealthRow = Awaited<ReturnType<typeof healthOf>>[number];

const toHealth = ({ gateway, check_kind, state, detail, changed_at, checked_at, node_id, host, pid }: HealthRow): TrunkHealth => ({
  gateway,
  check: check_kind,
  state,
  detail,
  changed_at,
  checked_at,
  node: { id: node_id, host, pid },
});
