import { Logger, run, runMigrations, type TaskList } from "graphile-worker";
import type pg from "pg";
import type { Log } from "../log.ts";
import type { Client } from "../postgres/database.ts";

/** Work that may wait and must not be lost. Each task is one function, named here once, given what `enqueue` was given. */
export interface Tasks {
  deliver_webhook: { workspaceId: string; deliveryId: string };
  send_mail: { workspaceId: string; mailId: string };
  clean_up: Record<string, never>;
}

export type TaskName = keyof Tasks;
/** Throwing makes the worker try again later: after e^attempt seconds, until the job's attempts are used up. */
export type Task<Name extends TaskName> = (payload: Tasks[Name], attempt: { number: number; last: boolean }) => Promise<void>;

/** Adds jobs, with one statement, in the caller's transaction: they exist exactly when its other writes do. */
export async function enqueue<Name extends TaskName>(
  client: Pick<Client, "query">,
  task: Name,
  payloads: ReadonlyArray<Tasks[Name]>,
  options: { maxAttempts: number },
): Promise<void> {
  if (payloads.length === 0) return;
  await client.query({ name: "enqueue-jobs", text: ENQUEUE, values: [task, JSON.stringify(payloads), options.maxAttempts] });
}

const ENQUEUE = `
  select count(*) from graphile_worker.add_jobs(array(
    select row($1::text, payload, null, null, $3::smallint, null, null, null)::graphile_worker.job_spec
    from json_array_elements($2::json) as payload))`;

/** The queue's own tables. */
export const migrateJobs = (pool: pg.Pool, log: Log): Promise<void> => runMigrations({ pgPool: pool, logger: workerLogger(log) });

/** Runs jobs until closed. A job under way when closing starts is finished, or tried again by another worker. */
export async function startJobs(options: {
  pool: pg.Pool;
  tasks: { [Name in TaskName]: Task<Name> };
  log: Log;
}): Promise<{ close(): Promise<void> }> {
  const runner = await run({
    pgPool: options.pool,
    taskList: taskList(options.tasks),
    concurrency: 4,
    pollInterval: 1_000,
    noHandleSignals: true,
    crontab: "17 * * * * clean_up ?fill=1h",
    logger: workerLogger(options.log),
  });
  runner.promise.catch((error: unknown) => options.log.error({ err: error }, "the job runner stopped"));
  return { close: () => runner.stop() };
}

function taskList(tasks: { [Name in TaskName]: Task<Name> }): TaskList {
  const names = Object.keys(tasks) as TaskName[];
  return Object.fromEntries(
    names.map((name) => [
      name,
      // `enqueue` is the only way in, so the payload is what the task's name says.
      (payload, { job }) =>
        (tasks[name] as Task<TaskName>)(payload as never, { number: job.attempts, last: job.attempts >= job.max_attempts }),
    ]),
  ) as TaskList;
}

const workerLogger = (log: Log) =>
  new Logger(() => (level, message, meta) => {
    if (level === "error") log.error(meta ?? {}, message);
    else if (level === "warning") log.warn(meta ?? {}, message);
    else log.debug(message);
  });
