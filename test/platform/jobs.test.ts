import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { describe, test } from "node:test";
import { pino } from "pino";
import { releaseDeadWorkers } from "../../src/platform/jobs/dead-workers.ts";
import { createFairShare } from "../../src/platform/jobs/fair-share.ts";
import { type Attempt, enqueue, type JobsOptions, startJobs, type TaskFunctions, TryLater } from "../../src/platform/jobs/jobs.ts";
import { createLog } from "../../src/platform/log.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const { db } = world.house;
const { pool } = db;

interface JobRow {
  id: string;
  attempts: number;
  max_attempts: number;
  key: string | null;
  locked_by: string | null;
  due: boolean;
  /** From its latest change, which is no later than when it failed, until it is due. */
  wait_seconds: number;
  /** From now on. */
  left_seconds: number;
}

const jobs = async (): Promise<JobRow[]> => {
  const { rows } = await pool.query<JobRow>(
    `select id, attempts, max_attempts, key, locked_by, run_at <= now() as due,
       extract(epoch from run_at - updated_at)::float as wait_seconds, extract(epoch from run_at - now())::float as left_seconds
     from graphile_worker.jobs where task_identifier = 'deliver_webhook' order by id`,
  );
  return rows;
};

const makeDue = () => pool.query("update graphile_worker._private_jobs set run_at = now() where run_at > now()");

const add = (maxAttempts: number, options: { workspaceId?: string; key?: string } = {}) => {
  const payload = { workspaceId: options.workspaceId ?? randomUUID(), deliveryId: randomUUID() };
  const { key } = options;
  return enqueue(pool, "deliver_webhook", [payload], { maxAttempts, ...(key ? { key: () => key } : {}) });
};

const nothing = async () => undefined;

/** Runs `work` beside a worker whose `deliver_webhook` is `deliver`, and leaves no job behind. */
async function withWorker(
  deliver: TaskFunctions["deliver_webhook"],
  work: (worker: { close(): Promise<void> }) => Promise<void>,
  options: Partial<JobsOptions> = {},
): Promise<void> {
  const worker = await startJobs({
    pool,
    tasks: { deliver_webhook: deliver, send_mail: nothing, clean_up: nothing, clean_up_recordings: nothing },
    log: createLog("silent"),
    workers: 4,
    pollMs: 20,
    drainMs: 50,
    restartMs: 20,
    ...options,
  });
  let closing: Promise<void> | undefined;
  const close = () => {
    closing ??= worker.close();
    return closing;
  };
  try {
    await work({ close });
  } finally {
    await close();
    await pool.query("truncate graphile_worker._private_jobs");
  }
}

describe("enqueue", () => {
  test("jobs exist exactly when the transaction commits", async () => {
    const payload = { workspaceId: randomUUID(), deliveryId: randomUUID() };
    await assert.rejects(
      db.inTransaction(async (client) => {
        await enqueue(client, "deliver_webhook", [payload, payload], { maxAttempts: 3 });
        throw new Error("no");
      }),
    );
    assert.equal((await jobs()).length, 0);
    await db.inTransaction((client) => enqueue(client, "deliver_webhook", [payload, payload], { maxAttempts: 3 }));
    assert.deepEqual(
      (await jobs()).map((job) => [job.attempts, job.max_attempts]),
      [
        [0, 3],
        [0, 3],
      ],
    );
    await pool.query("delete from graphile_worker._private_jobs");
  });

  test("a key makes asking again one job, due now with all its attempts before it", async () => {
    await add(5, { key: "k" });
    await pool.query("update graphile_worker._private_jobs set attempts = 4, run_at = now() + interval '2 hours'");
    await add(5, { key: "k" });
    const [job, ...others] = await jobs();
    assert.equal(others.length, 0);
    assert.deepEqual([job?.attempts, job?.max_attempts, job?.due], [0, 5, true]);
    await pool.query("delete from graphile_worker._private_jobs");
  });
});

describe("a job", () => {
  test("is given its payload, tried again with growing waits, and told which attempt is the last", async () => {
    const seen: Array<Omit<Attempt, "signal"> & { deliveryId: string }> = [];
    const payload = { workspaceId: randomUUID(), deliveryId: randomUUID() };
    await withWorker(
      async ({ deliveryId }, { number, last }) => {
        seen.push({ deliveryId, number, last });
        if (!last) throw new TryLater("not yet");
      },
      async () => {
        await enqueue(pool, "deliver_webhook", [payload], { maxAttempts: 4 });
        for (const attempts of [1, 2, 3]) {
          const [job] = await until(async () => {
            const rows = await jobs();
            return rows[0]?.attempts === attempts && rows[0].locked_by === null && rows;
          });
          // It failed in between, however long this machine took.
          assert.ok(job && job.wait_seconds > Math.exp(attempts) - 0.01 && job.left_seconds < Math.exp(attempts), JSON.stringify(job));
          await makeDue();
        }
        await until(async () => (await jobs()).length === 0);
      },
    );
    assert.deepEqual(
      seen.map(({ number, last }) => [number, last]),
      [
        [1, false],
        [2, false],
        [3, false],
        [4, true],
      ],
    );
    assert.ok(seen.every(({ deliveryId }) => deliveryId === payload.deliveryId));
  });

  test("an expected failure is not logged as an error, any other is", async () => {
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    for (const error of [new TryLater("their server is down"), new Error("a bug of ours")]) {
      await withWorker(
        () => Promise.reject(error),
        async () => {
          await add(2);
          await until(async () => (await jobs())[0]?.attempts === 1 && (await jobs())[0]?.locked_by === null);
        },
        { log },
      );
    }
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /a bug of ours/);
  });

  test("asked for again while it runs: not tried again after this attempt, in favour of the new job", async () => {
    const running = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    let runs = 0;
    await withWorker(
      async () => {
        if (++runs > 1) return;
        running.resolve();
        await finish.promise;
        throw new TryLater("failed in the end");
      },
      async () => {
        await add(5, { key: "again" });
        await running.promise;
        await add(5, { key: "again" });
        await until(() => runs === 2);
        finish.resolve();
        await until(async () => (await jobs()).every((job) => job.locked_by === null && job.attempts === job.max_attempts));
        await makeDue();
        assert.equal(runs, 2);
      },
    );
  });
});

describe("closing", () => {
  test("waits for a job under way", async () => {
    const running = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    await withWorker(
      async () => {
        running.resolve();
        await finish.promise;
      },
      async ({ close }) => {
        await add(3);
        await running.promise;
        const closed = close();
        finish.resolve();
        await closed;
        assert.deepEqual(await jobs(), []);
      },
      { drainMs: 5_000 },
    );
  });

  for (const heeds of [true, false]) {
    test(`puts back a job that ${heeds ? "heeds" : "does not heed"} its signal: due at once, with that attempt still to make`, async () => {
      const running = Promise.withResolvers<void>();
      await withWorker(
        async (_payload, { signal }) => {
          running.resolve();
          if (heeds) await once(signal, "abort");
          else await new Promise(() => undefined);
          throw new Error("broken off");
        },
        async ({ close }) => {
          await add(1, { key: "mine" });
          await running.promise;
          const begun = performance.now();
          await close();
          // So long it waits for the job to be put back, and no longer: a machine that stands still may take longer.
          if (performance.now() - begun > 1_500) await until(async () => (await jobs())[0]?.locked_by === null);
          assert.deepEqual(
            (await jobs()).map(({ attempts, max_attempts, key, locked_by, due }) => ({ attempts, max_attempts, key, locked_by, due })),
            [{ attempts: 0, max_attempts: 1, key: "mine", locked_by: null, due: true }],
          );
        },
      );
    });
  }
});

describe("a workspace's fair share", () => {
  test("as many as are left free: half of the workers alone, a third of them each beside another", async () => {
    const share = createFairShare(12);
    const finish = Promise.withResolvers<void>();
    const take = (workspaceId: string) => {
      let taken = 0;
      for (; !share.full().includes(workspaceId); taken++) void share.run(workspaceId, () => finish.promise);
      return taken;
    };
    assert.equal(take("a"), 6);
    assert.equal(take("b"), 3);
    assert.equal(take("c"), 2);
    assert.deepEqual(share.full().sort(), ["a", "b", "c"]);
    finish.resolve();
    await until(() => share.full().length === 0);
    assert.equal(take("c"), 6);
  });

  test("many slow jobs of one workspace do not hold up another's", async () => {
    const [slow, quick] = [randomUUID(), randomUUID()];
    const finish = Promise.withResolvers<void>();
    let slowRunning = 0;
    let most = 0;
    const done = Promise.withResolvers<void>();
    await withWorker(
      async ({ workspaceId }) => {
        if (workspaceId === quick) return done.resolve();
        most = Math.max(most, ++slowRunning);
        await finish.promise;
        slowRunning--;
      },
      async () => {
        for (let job = 0; job < 20; job++) await add(3, { workspaceId: slow });
        await until(() => slowRunning >= 2);
        await add(3, { workspaceId: quick });
        await done.promise;
        await until(async () => (await jobs()).length === 20, { what: "only the slow ones being left" });
        finish.resolve();
        await until(async () => (await jobs()).length === 0);
      },
      { workers: 8 },
    );
    assert.ok(most < 8, `${most} of 8 workers were the slow workspace's`);
  });
});

describe("a database that fails a worker", () => {
  test("when it cannot say that a job is done, it starts again and goes on with other jobs; that job is done again", async () => {
    let runs = 0;
    await pool.query(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger refuse before delete on graphile_worker._private_jobs for each row execute function refuse()`);
    await withWorker(
      async () => void runs++,
      async () => {
        await add(5);
        await until(() => runs >= 2, { what: "the worker starting again" });
        await pool.query("drop function refuse cascade");
        await add(5);
        await until(async () => (await jobs()).length === 0);
      },
    );
  });

  test("when its first question fails, which it would not ask again, it starts again", async () => {
    const told: string[] = [];
    const log = pino({ level: "debug" }, { write: (line: string) => void told.push(line) });
    let done = 0;
    await pool.query("alter table graphile_worker._private_tasks rename to hidden");
    await withWorker(
      async () => void done++,
      async () => {
        await until(() => told.some((line) => line.includes("Failed to acquire job")));
        await pool.query("alter table graphile_worker.hidden rename to _private_tasks");
        await add(1);
        await until(() => done === 1);
      },
      { log },
    );
  });

  test("when its connections are cut, it goes on", async () => {
    let runs = 0;
    await withWorker(
      async () => void runs++,
      async () => {
        await add(5);
        await until(() => runs === 1);
        await pool.query(
          "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
        );
        await until(() =>
          add(5).then(
            () => true,
            () => false,
          ),
        );
        await until(() => runs === 2);
      },
    );
  });
});

/** The advisory lock of a worker that has a job; pg_locks has those of other databases, too, and of workers that have just ended. */
const SHOWN = `select from pg_locks l join graphile_worker.jobs j on l.objid::bigint = hashtext(j.locked_by)::bigint & 4294967295
  where l.locktype = 'advisory' and l.mode = 'ShareLock' and l.granted
    and l.database = (select oid from pg_database where datname = current_database())`;

describe("jobs of a worker that died", () => {
  /** A worker in a process of its own, killed once it has taken a job. */
  async function killWorkerAtWork(): Promise<void> {
    const child: ChildProcess = spawn(process.execPath, [new URL("./jobs-victim.ts", import.meta.url).pathname], {
      env: { ...process.env, CONNECTION: JSON.stringify(world.connection) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(child.stdout ?? child, "data");
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  test("are given back to the living, with their attempts counted; a last attempt is made again", async () => {
    for (const [maxAttempts, next] of [
      [5, { number: 2, last: false }],
      [1, { number: 2, last: true }],
    ] as const) {
      await add(maxAttempts);
      await killWorkerAtWork();
      const seen: unknown[] = [];
      await withWorker(
        async (_payload, { number, last }) => void seen.push({ number, last }),
        async () => {
          const [orphan] = await jobs();
          assert.match(orphan?.locked_by ?? "", /^pool-/);
          assert.deepEqual(await releaseDeadWorkers(pool), [], "it may only have lost its connection a moment ago");
          await until(async () => (await releaseDeadWorkers(pool, { silentSeconds: 0 })).length === 1);
          await until(() => seen.length === 1);
          assert.deepEqual(seen, [next]);
        },
      );
    }
  });

  test("a worker that lives keeps its job, however long it takes", async () => {
    const running = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    await withWorker(
      async () => {
        running.resolve();
        await finish.promise;
      },
      async () => {
        await add(3);
        await running.promise;
        await until(async () => (await pool.query(SHOWN)).rowCount === 1, { what: "the worker's sign of life" });
        await pool.query("update graphile_worker._private_jobs set locked_at = now() - interval '1 hour'");
        assert.deepEqual(await releaseDeadWorkers(pool), []);
        finish.resolve();
        await until(async () => (await jobs()).length === 0);
      },
    );
  });
});
