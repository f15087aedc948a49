import pg from "pg";
import type { Log } from "../log.ts";

export type Connection = pg.PoolConfig;

const INT8 = 20;

/** `bigint` columns arrive as numbers: every one of ours is a sequence or a count far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: "text" | "binary") =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

// Named statements are few, run always and have one good plan: planning them anew at each batch costs more than it can gain.
// Every query names its workspace and so has an index; left to itself, PostgreSQL scans tables that it last saw small, at each
// batch, until the first ANALYZE.
const SETTINGS = "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off";
/** An idle system keeps these, so that nobody who comes then has to wait for one. */
const LEAST = 4;
const IDLE_MS = 60_000;

/** Connections that are kept as long as they are of use: a new one knows no statement, and who gets it waits for all its plans. */
export function openPool(options: { connection: Connection; most: number; log: Log }): pg.Pool {
  const pool = new pg.Pool({
    connectionTimeoutMillis: 5_000,
    ...options.connection,
    options: SETTINGS,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    min: Math.min(LEAST, options.most),
    max: options.most,
    idleTimeoutMillis: IDLE_MS,
    types,
  });
  pool.on("error", (error) => {
    // Closing a pool does not wait for its connections to be gone; what becomes of them then is no news.
    if (!pool.ending) options.log.warn({ reason: error.message }, "idle database connection lost");
  });
  // A connection lost in mid-use fails its query, and tells besides; unheard, that would end the process.
  pool.on("connect", (client) => client.on("error", (error) => options.log.debug({ reason: error.message }, "database connection lost")));
  return pool;
}
