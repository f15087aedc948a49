import { IN_TIME } from "../../platform/postgres/in-time.ts";
import type { House } from "../context.ts";

/** No turn is given further ahead than this, so that a node that dies takes few with it. */
const AHEAD = "1 second";

/**
 * A place in the row of calls that a trunk may begin, one after another over all nodes: in how many milliseconds this call may
 * be dialled. Null: the row is long; ask again soon.
 */
export async function takeDialTurn(
  { db }: Pick<House, "db">,
  { trunkId, callsPerSecond }: { trunkId: string; callsPerSecond: number },
): Promise<number | null> {
  const { rows } = await db.pool.query<{ wait_ms: number }>({
    name: "take-dial-turn",
    text: `
      insert into trunk_capacity as capacity (trunk_id, next_dial_at)
      values ($1, clock_timestamp() + $2 * interval '1 second')
      on conflict (trunk_id) do update
        set next_dial_at = greatest(capacity.next_dial_at, clock_timestamp()) + $2 * interval '1 second'
        where capacity.next_dial_at <= clock_timestamp() + interval '${AHEAD}'
      returning extract(epoch from next_dial_at - $2 * interval '1 second' - clock_timestamp())::float8 * 1000 as wait_ms`,
    values: [trunkId, 1 / callsPerSecond],
    ...IN_TIME,
  });
  const wait = rows[0]?.wait_ms;
  return wait === undefined ? null : Math.max(0, Math.ceil(wait));
}
