import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../../src/config.ts";
import { createLog } from "../../src/platform/log.ts";
import { openStore } from "../../src/store.ts";
import { credentialsOf, type Server, startServer, temporaryFolder } from "../cli/support.ts";
import { until } from "../support/until.ts";

const CALLS = 1_000;
const WORKERS = 32;

/** Places calls, each with a key and a number of its own, again and again until each was acknowledged. */
class Load {
  /** Call ids by number; one that was acknowledged twice with different ids fails the test. */
  readonly acknowledged = new Map<string, string>();
  url = "";
  readonly #key: string;
  readonly #demo: { agent_id: string; from: string };
  #workers: Promise<void>[] = [];

  constructor({ keys, demo }: ReturnType<typeof credentialsOf>) {
    this.#key = keys.yappr;
    this.#demo = demo;
  }

  start(): void {
    const numbers = Array.from({ length: CALLS }, (_value, index) => `+1415${100_000 + index}0`);
    this.#workers = Array.from({ length: WORKERS }, async () => {
      for (let number = numbers.pop(); number; number = numbers.pop()) while (!(await this.place(number))) await sleep(20);
    });
  }

  async place(number: string): Promise<Response | undefined> {
    try {
      const response = await fetch(`${this.url}/calls`, {
        method: "POST",
        headers: { authorization: `Bearer ${this.#key}`, "content-type": "application/json", "idempotency-key": number },
        body: JSON.stringify({ agent_id: this.#demo.agent_id, from: this.#demo.from, to: number }),
        signal: AbortSignal.timeout(20_000),
      });
      const { id } = (await response.json()) as { id?: string };
      if (!response.ok) {
        assert.ok(response.status >= 500 || response.status === 409, `${response.status}`);
        return undefined;
      }
      assert.equal(id, this.acknowledged.get(number) ?? id, "one key was answered with two calls");
      this.acknowledged.set(number, id ?? "");
      return response;
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error;
      return undefined;
    }
  }

  reach(count: number): Promise<unknown> {
    return until(() => this.acknowledged.size >= count, { what: `${count} calls`, withinMs: 60_000 });
  }

  async finish(): Promise<void> {
    await Promise.all(this.#workers);
  }
}

/** Every call is there once, ended once, was dialled at most once, and no lease is left. */
async function inspect(dataDir: string, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const store = await openStore(readConfig({ DATA_DIR: dataDir }), "command", createLog("fatal"));
  const { pool } = store.house.db;
  try {
    const open = async () =>
      (await pool.query<{ open: number }>("select count(*) as open from calls where status <> 'ended'")).rows[0]?.open;
    await until(async () => (await open()) === 0, { what: "the end of every call", withinMs: 60_000 });
    const { rows: calls } = await pool.query<{ id: string; to_number: string; started: number; over: number }>(
      `select c.id, c.to_number, count(*) filter (where e.type = 'call.started') as started,
         count(*) filter (where e.type in ('call.ended', 'call.failed', 'call.no_answer')) as over
       from calls c left join events e on e.workspace_id = c.workspace_id and e.subject_id = c.id group by c.id, c.to_number`,
    );
    assert.deepEqual(Object.fromEntries(calls.map((call) => [call.to_number, call.id])), Object.fromEntries(acknowledged));
    assert.equal(calls.length, CALLS);
    for (const call of calls) assert.ok(call.started <= 1 && call.over === 1, JSON.stringify(call));
    const { rows: left } = await pool.query(
      "select (select sum(in_use)::integer from workspace_capacity) as in_use, (select count(*) from live_calls) as live, (select count(*) from queued_calls) as queued",
    );
    assert.deepEqual(left, [{ in_use: 0, live: 0, queued: 0 }]);
  } finally {
    await store.close();
  }
}

const environment = (dataDir: string) => ({ DATA_DIR: dataDir, RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: "fatal", SIMULATOR_SPEED: "0" });

test("the server is killed under load: every acknowledged call is there once, and every call ends", async () => {
  const dataDir = temporaryFolder();
  let server: Server = await startServer(environment(dataDir));
  const load = new Load(credentialsOf(dataDir));
  load.url = server.url;
  load.start();
  for (const count of [150, 500]) {
    await load.reach(count);
    await server.stop("SIGKILL");
    server = await startServer(environment(dataDir));
    load.url = server.url;
  }
  await load.finish();
  for (const number of [...load.acknowledged.keys()].slice(0, 100)) {
    assert.equal((await load.place(number))?.headers.get("idempotency-replayed"), "true");
  }
  await inspect(dataDir, load.acknowledged);
});

test("the database is killed under load: the same", async () => {
  const dataDir = temporaryFolder();
  const server = await startServer(environment(dataDir));
  const load = new Load(credentialsOf(dataDir));
  load.url = server.url;
  load.start();
  for (const count of [150, 500]) {
    await load.reach(count);
    process.kill(Number.parseInt(readFileSync(join(dataDir, "postgres", "data", "postmaster.pid"), "utf8"), 10), "SIGKILL");
  }
  await load.finish();
  await inspect(dataDir, load.acknowledged);
});
