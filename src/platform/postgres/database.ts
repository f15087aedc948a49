import { Kysely, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import type { Log } from "../log.ts";
import { isUnavailable } from "../unavailable.ts";
import { createGroupCommit, type GroupRun } from "./group-commit.ts";

export type Connection = pg.PoolConfig;
export type Client = pg.ClientBase;

/** The store as the rest of the code sees it: typed queries, transactions, and writes that share one commit. */
export interface Database<Tables> {
  /** For hand-written SQL outside a transaction. */
  readonly pool: pg.Pool;
  readonly kysely: Kysely<Tables>;
  transaction<R>(work: (tx: Transaction<Tables>) => Promise<R>): Promise<R>;
  /** One hand-written-SQL transaction; tried again when PostgreSQL found a deadlock or a serialization failure. */
  inTransaction<R>(work: (client: Client) => Promise<R>): Promise<R>;
  /** Adds `item` to the next transaction of `run`, shared with whoever else asks within the same few milliseconds. */
  together<Item, Result>(run: GroupRun<Item, Result>, item: Item): Promise<Result>;
  /** The same for a run of one single statement, which needs no transaction around it and so one round trip instead of three. */
  togetherInOneStatement<Item, Result>(run: GroupRun<Item, Result>, item: Item): Promise<Result>;
  close(): Promise<void>;
}

const INT8 = 20;

/** `bigint` columns arrive as numbers: every one of ours is a sequence or a count far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export function openDatabase<Tables>(options: { connection: Connection; maxConnections: number; log: Log }): Database<Tables> {
  // Named statements are few, run always and have one good plan: planning them anew at each batch costs more than it can gain.
  // Every query names its workspace and so has an index; left to itself, PostgreSQL scans tables that it last saw small, at each
  // batch, until the first ANALYZE.
  const settings = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off";
  const pool = new pg.Pool({
    ...options.connection,
    options: settings,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    // A plan that was made when a table was small is not kept for long: kept for a minute, it cost two thirds of the calls per second.
    maxLifetimeSeconds: 10,
    max: options.maxConnections,
    types,
    connectionTimeoutMillis: 5_000,
  });
  // Closing a pool does not wait for its connections to be gone; what becomes of them then is no news.
  let closed = false;
  pool.on("error", (error) => {
    if (!closed) options.log.warn({ reason: error.message }, "idle database connection lost");
  });
  // A connection lost in mid-use fails its query, and tells besides; unheard, that would end the process.
  pool.on("connect", (client) => client.on("error", (error) => options.log.debug({ reason: error.message }, "database connection lost")));
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const groups = new Map<unknown, unknown>();

  const inTransaction = <R>(work: (client: Client) => Promise<R>): Promise<R> => retrying(() => once(pool, work));
  const inOneStatement = async <R>(work: (client: Client) => Promise<R>): Promise<R> => retrying(() => withClient(pool, work));

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
    close() {
      closed = true;
      return pool.end();
    },
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

async function withClient<R>(pool: pg.Pool, work: (client: Client) => Promise<R>): Promise<R> {
  const client = await pool.connect();
  let broken = false;
  let givenUp = false;
  // Throwing the connection away fails what waits on it.
  const timer = setTimeout(() => {
    givenUp = true;
    client.release(true);
  }, LONGEST_MS);
  try {
    return await work(client);
  } catch (error) {
    broken = isUnavailable(error);
    throw error;
  } finally {
    clearTimeout(timer);
    if (!givenUp) client.release(broken);
  }
}

const once = <R>(pool: pg.Pool, work: (client: Client) => Promise<R>): Promise<R> =>
  withClient(pool, async (client) => {
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
  return state === DEADLOCK || state === SERIALIZATION_FAILURE;
}
