import type { WorkerEvents } from "graphile-worker";
import type pg from "pg";
import type { Log } from "../log.ts";

/** First half of the advisory lock key that a running worker holds; arbitrary, but the same in every process. */
const LOCK_SPACE = 731_322_002;

/** A job that takes its process down with it, whatever number of attempts it was given, is left alone after this many. */
const MOST_ATTEMPTS = 25;

/**
 * Shows the others that this process's worker lives: an advisory lock on the worker's own listening connection, so that
 * PostgreSQL drops it the moment the process dies, and a new connection takes it again. Shared, because the worker's former
 * connection may still hold it.
 */
export function showLife(events: WorkerEvents, log: Log): void {
  events.on("pool:listen:success", ({ workerPool, client }) => {
    // Once the worker's own first query on it, LISTEN, is through.
    client.once("drain", () => {
      client
        .query("select pg_advisory_lock_shared($1, hashtext($2))", [LOCK_SPACE, workerPool.id])
        .catch((error: unknown) => log.warn({ err: error }, "could not show that the job worker lives"));
    });
  });
}

/**
 * Gives the jobs of workers that died back to the living; without this they would wait four hours. An attempt that was cut
 * short counts, but a last one is made again. A worker counts as dead when it shows no life and took its latest job
 * `silentSeconds` ago: its connection may just have been lost.
 */
export async function releaseDeadWorkers(pool: pg.Pool, { silentSeconds = 30 } = {}): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select id from (
       select locked_by as id from graphile_worker.jobs where locked_by is not null
       group by locked_by having max(locked_at) < now() - make_interval(secs => $2)) silent
     where pg_try_advisory_xact_lock($1, hashtext(id))`,
    [LOCK_SPACE, silentSeconds],
  );
  const dead = rows.map((row) => row.id);
  await releaseJobs(pool, dead);
  return dead;
}

/** Gives back the jobs of workers that are known to have ended. */
export async function releaseJobs(pool: pg.Pool, workerIds: readonly string[]): Promise<void> {
  if (workerIds.length === 0) return;
  const spent = await pool.query<{ id: string; attempts: number }>(
    "select id, attempts from graphile_worker.jobs where locked_by = any($1) and attempts >= max_attempts and attempts < $2",
    [workerIds, MOST_ATTEMPTS],
  );
  await pool.query("select graphile_worker.force_unlock_workers($1)", [workerIds]);
  await pool.query(
    `select graphile_worker.reschedule_jobs(array[id], max_attempts => attempts + 1)
     from unnest($1::bigint[], $2::integer[]) as spent(id, attempts)`,
    [spent.rows.map((row) => row.id), spent.rows.map((row) => row.attempts)],
  );
}
