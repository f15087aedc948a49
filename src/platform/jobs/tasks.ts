import type { Client } from "../postgres/database.ts";

/** Work that may wait and must not be lost. Each task is one function, named here once, given what `enqueue` was given. */
export interface Tasks {
  deliver_webhook: { workspaceId: string; deliveryId: string };
  send_mail: { workspaceId: string; mailId: string };
  clean_up: Record<string, never>;
  clean_up_recordings: Record<string, never>;
}

export type TaskName = keyof Tasks;

export interface Attempt {
  /** From 1. */
  number: number;
  /** Throwing now means that it is not tried again. */
  last: boolean;
  /** Aborted when the process is about to end: stop soon, by throwing. The attempt then does not count. */
  signal: AbortSignal;
}

/** Throwing makes the worker try again later: after e^attempt seconds, until the job's attempts are used up. */
export type Task<Name extends TaskName> = (payload: Tasks[Name], attempt: Attempt) => Promise<void>;

/** A failure that may pass by itself, such as somebody's server being down. Tried again like any other, but not logged as an error. */
export class TryLater extends Error {}

export interface EnqueueOptions<Name extends TaskName> {
  maxAttempts: number;
  /**
   * Makes asking twice one job: a job with the same key that waits is replaced, and so due now with all its attempts before
   * it; one that runs at the moment is not tried again after this attempt, in favour of the new one.
   */
  key?: (payload: Tasks[Name]) => string;
}

/** Adds jobs, with one statement, in the caller's transaction: they exist exactly when its other writes do. */
export async function enqueue<Name extends TaskName>(
  client: Pick<Client, "query">,
  task: Name,
  payloads: ReadonlyArray<Tasks[Name]>,
  { maxAttempts, key }: EnqueueOptions<Name>,
): Promise<void> {
  if (payloads.length === 0) return;
  const jobs = payloads.map((payload) => ({ payload, key: key?.(payload) ?? null }));
  await client.query({ name: "enqueue-jobs", text: ENQUEUE, values: [task, JSON.stringify(jobs), maxAttempts] });
}

/** The workspace is the job's flag, so that workers can pass over those of a busy one (`fair-share.ts`). */
const ENQUEUE = `
  select count(*) from graphile_worker.add_jobs(array(
    select row($1::text, payload, null, null, $3::smallint, key, null,
      case when payload->>'workspaceId' is not null then array[payload->>'workspaceId'] end)::graphile_worker.job_spec
    from json_to_recordset($2::json) as job(payload json, key text)))`;
