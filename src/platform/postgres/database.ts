import { Kysely, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import type { Log } from "../log.ts";
import { isUnavailable } from "../unavailable.ts";
import { createGroupCommit, type GroupRun } from "./group-commit.ts";
import { type Connection, openPool } from "./openPool.ts";
import { createPlanAge, type PlanAge } from "./plan-age.ts";

export type { Connection } from "./openPool.ts";

export type Client = pg.ClientBase;

/** The store as the rest of the code sees it: typed queries, transactions, and writes that share one commit. */
export interface Database<Tables> {
  /** For hand-written SQL outside a transaction. */
  readonly pool: pg.Pool;
  readonly kysely: Kysely<Tables>;
  transaction<R>(work: (tx: Transaction<Tables>) => Promise<R>): Promise<R>;
  /** One hand-written-SQL transaction; tried again after a deadlock, a serialization failure or a migration under it. */
  inTransaction<R>(work: (client: Client) => Promise<R>): Promise<R>;
  /** Adds `item` to the next transaction of `run`, shared with whoever else asks within the same few milliseconds. */
  together<Item, Result>(run: GroupRun<Item, Result>, item: Item): Promise<Result>;
  /** The same for a run of one single statement, which needs no transaction around it and so one round trip instead of three. */
  togetherInOneStatement<Item, Result>(run: GroupRun<Item, Result>, item: Item): Promise<Result>;
  close(): Promise<void>;
}

export function openDatabase<Tables>(options: { connection: Connection; maxConnections: number; log: Log }): Database<Tables> {
  const pool = openPool({ connection: options.connection, most: options.maxConnections, log: options.log });
  const plans = createPlanAge();
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const groups = new Map<unknown, unknown>();

  const inTransaction = <R>(work: (client: Client) => Promise<R>): Promise<R> => retrying(() => once(pool, plans, work));
  const inOneStatement = async <R>(work: (client: Client) => Promise<R>): Promise<R> => retrying(() => withClient(pool, plans, work));

  const groupOf = <Item, Result>(run: GroupRun<Item, Result>, execute: typeof inTransaction): ((item: Item) => Promise<Result>) => {
    // The map is keyed by `run`, so the group found for it takes its items and gives its results.
    const known = groups.get(run) as ((item: Item) => Promise<Result>) | undefined;
    if (known) return known;
    const group = createGroupCommit(execute, run);
    groups.set(run, group);
    return group;
  };

  return {
    pool,
    kysely,
    transaction: (work) => kysely.transaction().execute(work),
    inTransaction,
    together: (run, item) => groupOf(run, inTransaction)(item),
    togetherInOneStatement: (run, item) => groupOf(run, inOneStatement)(item),
    close: () => pool.end(),
  };
}

async function retrying<R>(work: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= 5 || !isRetryable(error)) throw error;
    }
  }
}

/** Our transactions take milliseconds. One that takes this long waits for a server that has vanished without a word. */
const LONGEST_MS = 30_000;

async function withClient<R>(pool: pg.Pool, plans: PlanAge, work: (client: Client) => Promise<R>): Promise<R> {
  const client = await pool.connect();
  let broken = false;
  let givenUp = false;
  // Throwing the connection away fails what waits on it.
  const timer = setTimeout(() => {
    givenUp = true;
    client.release(true);
  }, LONGEST_MS);
  const giveBack = async () => {
    if (!broken && !givenUp && plans.isOld(client)) broken = !(await plans.renew(client));
    clearTimeout(timer);
    if (!givenUp) client.release(broken);
  };
  try {
    return await work(client);
  } catch (error) {
    broken = isUnavailable(error) || isOutdated(error);
    throw error;
  } finally {
    // Not waited for: the result is there, and the plans are for whoever comes next.
    void giveBack();
  }
}

const once = <R>(pool: pg.Pool, plans: PlanAge, work: (client: Client) => Promise<R>): Promise<R> =>
  withClient(pool, plans, async (client) => {
    await client.query("begin");
    try {
      const result = await work(client);
      await client.query("commit");
      return result;
    } catch (error) {
      await client.query("rollback").catch(() => undefined);
      throw error;
    }
  });

const DEADLOCK = "40P01";
const SERIALIZATION_FAILURE = "40001";

export function sqlState(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

function isRetryable(error: unknown): boolean {
  const state = sqlState(error);
  return state === DEADLOCK || state === SERIALIZATION_FAILURE || isOutdated(error);
}

/** A migration has changed the columns that a statement of the connection gives; only a new connection knows them. */
const isOutdated = (error: unknown): boolean => error instanceof pg.DatabaseError && error.routine === "RevalidateCachedQuery";
