import type { Client } from "../platform/postgres/database.ts";
import { IN_TIME } from "../platform/postgres/in-time.ts";

/** Both by the database's clock. */
export interface Hearing {
  /** A node that was silent before this may have spoken: nobody was heard then. */
  since: Date;
  at: Date;
}

/** A node that is cut off for no longer than this is heard again before it counts as dead. */
const GAP_SECONDS = 3;

/**
 * Notes that the database hears us, and returns since when it has heard somebody without a gap. Nobody is heard while it is down, stands
 * still or is taken over by another one, while nobody runs, or when its clock jumps; after that a silence counts from then on.
 *
 * It is a write, as heartbeats are, because a database may take none and still be read. And one statement, because a transaction whose
 * client has vanished would keep the row from everybody.
 */
export async function beHeard(client: Pick<Client, "query">): Promise<Hearing> {
  const { rows } = await client.query<Hearing>({
    name: "be-heard",
    text: `insert into hearing as h (since, heard_at) values (now(), now())
      on conflict (one) do update set heard_at = now(), since = case
        when h.heard_at between now() - make_interval(secs => $1) and now() + make_interval(secs => $1) then h.since else now() end
      returning since, heard_at as at`,
    values: [GAP_SECONDS],
    ...IN_TIME,
  });
  const [hearing] = rows;
  if (!hearing) throw new Error("an upsert returns its row");
  return hearing;
}
