import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { JobHelpers, TaskList } from "graphile-worker";
import type pg from "pg";
import type { FairShare } from "./fair-share.ts";
import { type Attempt, enqueue, type Task, type TaskName, type Tasks, TryLater } from "./tasks.ts";

export type TaskFunctions = { [Name in TaskName]: Task<Name> };

/** Our tasks as the worker wants them. */
export function taskList(pool: pg.Pool, tasks: TaskFunctions, share: FairShare): TaskList {
  const list: TaskList = {};
  for (const name of Object.keys(tasks) as TaskName[]) {
    list[name] = (given, helpers) => {
      // `enqueue` is the only way in, so the payload is what the task's name says.
      const task = tasks[name] as Task<TaskName>;
      const payload = given as Tasks[TaskName];
      return share.run("workspaceId" in payload ? payload.workspaceId : undefined, () => perform(pool, name, task, payload, helpers));
    };
  }
  return list;
}

/** One attempt. When the worker is closing and it has to be broken off, the job is put back as if it had not been made. */
async function perform(
  pool: pg.Pool,
  name: TaskName,
  task: Task<TaskName>,
  payload: Tasks[TaskName],
  { job, abortSignal }: JobHelpers,
): Promise<void> {
  const attempt: Attempt = { number: job.attempts, last: job.attempts >= job.max_attempts, signal: abortSignal };
  try {
    await orLeftBehind(task(payload, attempt), abortSignal);
  } catch (error) {
    if (!abortSignal.aborted) throw error;
    const { key } = job;
    await enqueue(pool, name, [payload], {
      maxAttempts: job.max_attempts - job.attempts + 1,
      ...(key === null ? {} : { key: () => key }),
    });
  }
}

/** A task that does not heed its signal is left behind after this time. */
export const PATIENCE_MS = 500;

/** The work's outcome, or a rejection when it has not stopped some time after the signal told it to. */
async function orLeftBehind(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const leave = async () => {
    await once(signal, "abort", settled);
    await sleep(PATIENCE_MS, undefined, settled);
    throw new TryLater("The process is ending.");
  };
  const left = leave();
  left.catch(() => undefined);
  try {
    await Promise.race([work, left]);
  } finally {
    settled.abort();
    work.catch(() => undefined);
  }
}
