import pg from "pg";
import type { Client } from "./database.ts";

/** Kept for a minute, plans made when a table was small cost two thirds of the calls per second. */
const OLD_MS = 10_000;

export interface PlanAge {
  /** Whether the connection's plans are too old. One that was not seen before has none yet. */
  isOld(client: Client): boolean;
  /** Throws the connection's plans away and makes those of its named statements anew. False: the connection is of no use any more. */
  renew(client: Client): Promise<boolean>;
}

export function createPlanAge(): PlanAge {
  const renewedAt = new WeakMap<Client, number>();
  return {
    isOld(client) {
      const at = renewedAt.get(client);
      if (at === undefined) renewedAt.set(client, performance.now());
      return at !== undefined && performance.now() - at > OLD_MS;
    },
    async renew(client) {
      renewedAt.set(client, performance.now());
      try {
        const { rows } = await client.query<{ name: string; parameters: number }>(
          "select name, cardinality(parameter_types) as parameters from pg_prepared_statements where not from_sql",
        );
        await client.query(["discard plans", ...rows.map(({ name, parameters }) => planOf(name, parameters))].join("; "));
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** Explaining an execution plans it, and runs nothing. */
const planOf = (name: string, parameters: number): string =>
  `explain execute ${pg.escapeIdentifier(name)}${parameters > 0 ? `(${Array(parameters).fill("null").join(", ")})` : ""}`;
