import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startApp } from "../../../src/app.ts";
import { recordCallEvents } from "../../../src/core/events/recordCallEvents.ts";
import { createCleanUp } from "../../../src/core/housekeeping/cleanUp.ts";
import type { Delivery } from "../../../src/core/webhooks/delivery.ts";
import { listDeliveries } from "../../../src/core/webhooks/listDeliveries.ts";
import { replayDelivery } from "../../../src/core/webhooks/replayDelivery.ts";
import { createLog } from "../../../src/platform/log.ts";
import { until } from "../../support/until.ts";
import { startWorld } from "../../support/world.ts";
import { insertAgent, insertCall } from "../events/support.ts";
import { startReceiver } from "./receiver.ts";

const world = await startWorld({ roles: ["api", "jobs"] });
const { house } = world;
const { pool } = house.db;

/** A tenant with calls that have just started, reported to a receiver. */
async function givenCalls(count: number, answers: number[] = []) {
  const receiver = await startReceiver();
  receiver.answers.push(...answers);
  const tenant = await world.tenant();
  const agent = await insertAgent(house, tenant.workspace.id, { webhook_url: receiver.url });
  const calls = await Promise.all(Array.from({ length: count }, () => insertCall(house, agent)));
  const now = () => listDeliveries(house, { workspaceId: tenant.workspace.id, limit: 1_000 });
  const happen = () =>
    house.db.inTransaction((client) =>
      recordCallEvents(
        client,
        calls.map((call) => ({ type: "call.started", call, at: new Date() }) as const),
      ),
    );
  /** Does not wait for the real back-off of the job queue. */
  const settled = () =>
    until(async () => {
      await pool.query("update graphile_worker._private_jobs set run_at = now() where run_at > now()");
      await pool.query(`select pg_notify('jobs:insert', '{"count": 1}')`);
      const [delivery] = await now();
      return delivery && delivery.status !== "pending" && delivery;
    });
  return { receiver, tenant, happen, now, settled };
}

const state = ({ status, attempts, response_status }: Delivery) => ({ status, attempts, response_status });

const jobCount = async () => (await pool.query("select from graphile_worker.jobs where task_identifier = 'deliver_webhook'")).rowCount;

describe("deliveries by the role jobs", () => {
  test("looking for jobs, which its workers do all at once, takes none of the connections of requests", async () => {
    const looking =
      "select from pg_stat_activity where datname = current_database() and query like '%_private_jobs%' and pid <> pg_backend_pid()";
    await until(async () => (await pool.query(looking)).rowCount);
    assert.equal(pool.totalCount, 1);
  });

  test("what happens in a transaction is told once, as soon as it commits", async () => {
    const { receiver, happen, now } = await givenCalls(3);
    await happen();
    await until(async () => (await now()).every(({ status }) => status === "delivered"), { withinMs: 2_000 });
    assert.equal(receiver.received.length, 3);
    assert.deepEqual([...new Set((await now()).map(({ attempts }) => attempts))], [1]);
    await until(async () => (await jobCount()) === 0);
  });

  test("500 twice, then 200: delivered with 3 attempts", async () => {
    const { receiver, happen, settled } = await givenCalls(1, [500, 500, 200]);
    await happen();
    assert.deepEqual(state(await settled()), { status: "delivered", attempts: 3, response_status: 200 });
    assert.equal(receiver.received.length, 3);
  });

  test("after ten failures it has failed, no job is left, and a replay delivers it", async () => {
    const { receiver, happen, settled } = await givenCalls(
      1,
      Array.from({ length: 10 }, () => 500),
    );
    await happen();
    const failed = await settled();
    assert.deepEqual(state(failed), { status: "failed", attempts: 10, response_status: 500 });
    await until(async () => (await jobCount()) === 0);
    await replayDelivery(house, failed.id);
    await until(() => receiver.received.length === 11);
    assert.deepEqual(state(await settled()), { status: "delivered", attempts: 11, response_status: 204 });
    assert.deepEqual([...new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))], [failed.id]);
  });

  test("two processes share the work: each delivery is made once", async () => {
    const store = { house, connection: world.connection, close: async () => undefined };
    const other = await startApp(world.config, store, ["jobs"], createLog("fatal"));
    try {
      const { receiver, happen, now } = await givenCalls(200);
      await happen();
      await until(async () => (await now()).every(({ status }) => status === "delivered"));
      assert.equal(new Set(receiver.received.map(({ headers }) => headers["webhook-id"])).size, 200);
      assert.equal(receiver.received.length, 200);
      assert.deepEqual([...new Set((await now()).map(({ attempts }) => attempts))], [1]);
    } finally {
      await other.close();
    }
  });

  test("a process that ends in the middle of an attempt leaves the delivery to the others", async () => {
    const store = { house, connection: world.connection, close: async () => undefined };
    const { receiver, happen, now } = await givenCalls(40);
    // Nobody is answered before the other process has ended.
    const ending = Promise.withResolvers<number>();
    receiver.answers.push(...Array.from({ length: 40 }, () => () => ending.promise));
    const other = await startApp(world.config, store, ["jobs"], createLog("fatal"));
    await happen();
    await until(() => receiver.received.length >= 20);
    await other.close();
    ending.resolve(503);
    await until(async () => {
      await pool.query("update graphile_worker._private_jobs set run_at = now() where run_at > now()");
      await pool.query(`select pg_notify('jobs:insert', '{"count": 40}')`);
      return (await now()).every(({ status }) => status === "delivered");
    });
  });
});

describe("clean_up", () => {
  test("removes remembered answers whose time is over, and only those", async () => {
    const { workspace } = await world.tenant();
    const now = house.clock.now().getTime();
    for (const [key, expiresAt] of [
      ["old", now - 1],
      ["new", now + 60_000],
    ] as const) {
      await pool.query(
        `insert into idempotency_keys (workspace_id, operation, key, request_hash, result, created_at, expires_at)
         values ($1, 'test', $2, '\\x00', '{}', now(), $3)`,
        [workspace.id, key, new Date(expiresAt)],
      );
    }
    await createCleanUp(house)({}, { number: 1, last: false, signal: new AbortController().signal });
    const { rows } = await pool.query("select key from idempotency_keys where workspace_id = $1", [workspace.id]);
    assert.deepEqual(rows, [{ key: "new" }]);
  });
});
