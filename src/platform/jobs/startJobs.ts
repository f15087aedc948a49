import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { run, runMigrations, type WorkerEvents } from "graphile-worker";
import type pg from "pg";
import type { Log } from "../log.ts";
import { releaseDeadWorkers, releaseJobs, showLife } from "./dead-workers.ts";
import { createFairShare } from "./fair-share.ts";
import { PATIENCE_MS, type TaskFunctions, taskList } from "./perform.ts";
import { TryLater } from "./tasks.ts";
import { workerLogger } from "./worker-logger.ts";

/** The queue's own tables. */
export const migrateJobs = (pool: pg.Pool, log: Log): Promise<void> => runMigrations({ pgPool: pool, logger: workerLogger(log) });

export interface JobsOptions {
  pool: pg.Pool;
  tasks: TaskFunctions;
  log: Log;
  /** Jobs at once; they mostly wait for somebody else's server. */
  workers?: number;
  /** How soon a job that is due later is noticed; one that is due now is noticed at once. */
  pollMs?: number;
  /** How long jobs under way may go on once closing starts, before their signal is aborted. */
  drainMs?: number;
  /** How long to wait before starting again when the worker stopped by itself. */
  restartMs?: number;
}

/**
 * Runs jobs until closed. Closing takes no new jobs and waits for those under way, for about `drainMs`; one that has to be
 * broken off is put back, due at once and with that attempt still to make.
 */
export async function startJobs(options: JobsOptions): Promise<{ close(): Promise<void> }> {
  const { pool, log, restartMs = 1_000 } = options;
  const closing = new AbortController();
  let worker = await startWorker(options);

  /** The worker gives up when it cannot say that a job is done, as when the database goes away in that moment. */
  const keepRunning = async () => {
    for (;;) {
      await worker.ended;
      closing.signal.throwIfAborted();
      log.warn("the job worker stopped by itself; it is started again");
      for (let started = false; !started; ) {
        await sleep(restartMs, undefined, { signal: closing.signal });
        try {
          await releaseJobs(pool, worker.ids);
          worker = await startWorker(options);
          started = true;
        } catch (error) {
          log.warn({ err: error }, "the job worker cannot be started yet");
        }
      }
      if (closing.signal.aborted) await worker.stop();
    }
  };
  const kept = keepRunning().catch((error: unknown) => {
    if (!closing.signal.aborted) throw error;
  });
  return {
    async close() {
      closing.abort();
      await worker.stop();
      await kept;
    },
  };
}

interface Worker {
  /** As which it takes jobs. */
  ids: readonly string[];
  /** Settles once it has stopped, whoever made it. Never rejects. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

/** On top of the time for draining: for what a stopping worker has to write. It has been seen to wait for ever for itself. */
const STOP_MS = 1_000;

async function startWorker({ pool, tasks, log, workers = 32, pollMs = 4_000, drainMs = 1_500 }: JobsOptions): Promise<Worker> {
  const events: WorkerEvents = new EventEmitter();
  showLife(events, log);
  const ids: string[] = [];
  events.on("pool:create", ({ workerPool }) => void ids.push(workerPool.id));
  const stopping = new Promise<void>((resolve) => events.once("pool:gracefulShutdown", () => resolve()));
  const share = createFairShare(workers);
  const runner = await run({
    pgPool: pool,
    taskList: { ...taskList(pool, tasks, share), release_dead_workers: async () => void (await releaseDeadWorkers(pool)) },
    crontab: ["* * * * * release_dead_workers", "17 * * * * clean_up ?fill=1h", "37 2 * * * clean_up_recordings ?fill=1d"].join("\n"),
    concurrency: workers,
    pollInterval: pollMs,
    forbiddenFlags: share.full,
    gracefulShutdownAbortTimeout: drainMs,
    noHandleSignals: true,
    events,
    logger: workerLogger(log, (error) => error instanceof TryLater),
    // Not to save statements: without batches nobody waits for, or hears of the failure of, "this job is done".
    preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
  // It asks once for the ids of its tasks, and when that fails, as when the database is slow at a busy start, it keeps the failure.
  let asked = false;
  let failures = 0;
  const works = () => {
    asked = true;
  };
  events.on("worker:getJob:empty", works).on("job:start", works);
  events.on("worker:getJob:error", () => {
    if (!asked && ++failures === workers) runner.stop().catch((error: unknown) => log.warn({ err: error }, "the job worker does not stop"));
  });
  const settled = runner.promise.catch((error: unknown) => log.error({ err: error }, "the job worker failed"));
  const stopMs = drainMs + PATIENCE_MS + STOP_MS;
  return {
    ids,
    ended: Promise.race([settled, stopping]).then(() => within(stopMs, settled)),
    // It may have stopped by itself a moment ago.
    stop: () =>
      within(
        stopMs,
        runner.stop().catch(() => settled),
      ),
  };
}

/** Waits for the work, which does not reject, but no longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const timer = new AbortController();
  try {
    await Promise.race([work, sleep(ms, undefined, { signal: timer.signal })]);
  } finally {
    timer.abort();
  }
}
