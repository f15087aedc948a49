import assert from "node:assert/strict";
import { after, beforeEach, describe, mock, test } from "node:test";
import { createLog } from "../../../src/platform/log.ts";
import { type Client, openDatabase } from "../../../src/platform/postgres/database.ts";
import { createTestDatabase } from "../../support/test-database.ts";

const { connection, drop } = await createTestDatabase();
// With one connection, whoever asks for it waits until it was given back.
const db = openDatabase<object>({ connection, maxConnections: 1, log: createLog("fatal") });
after(async () => {
  await db.close();
  await drop();
});

const ONE = { name: "one", text: "select from things where id = $1", values: [1] };

const backend = (client: Client) => client.query("select pg_backend_pid() as pid").then(({ rows }) => rows[0].pid);

/** How the statement's plan on this connection reads the table. */
const scan = (client: Client) =>
  client.query("explain (costs off) execute one(null)").then(({ rows }) => rows.map((row) => row["QUERY PLAN"]).join(" "));

/** Without it, a plan that is made now has no index to use. Those that are there already stay as they are. */
const loseIndexes = (client: Client) =>
  client.query("set enable_indexscan = off; set enable_indexonlyscan = off; set enable_bitmapscan = off; set enable_seqscan = on");

let nowMs = performance.now();
mock.method(performance, "now", () => nowMs);
const secondsPass = (seconds: number) => {
  nowMs += seconds * 1_000;
};

describe("plans of a connection", () => {
  beforeEach(async () => {
    await db.pool.query("drop table if exists things; create table things (id integer primary key)");
    await db.inTransaction((client) => client.query(ONE));
  });

  test("are kept while they are young", async () => {
    await db.inTransaction(async (client) => assert.match(await scan(client), /Index/));
    await db.inTransaction(loseIndexes);
    secondsPass(9);
    await db.inTransaction(backend);
    await db.inTransaction(async (client) => assert.match(await scan(client), /Index/));
    await db.inTransaction((client) => client.query("reset all"));
  });

  test("are made anew between two transactions once they are old, and nothing is run for it", async () => {
    await db.inTransaction((client) => client.query({ name: "add", text: "insert into things values ($1)", values: [7] }));
    await db.inTransaction(loseIndexes);
    secondsPass(11);
    const before = await db.inTransaction(backend);
    await db.inTransaction(async (client) => {
      assert.match(await scan(client), /Seq Scan/);
      assert.equal(await backend(client), before);
      assert.equal((await client.query("select from things")).rowCount, 1);
      await client.query("reset all");
    });
  });

  test("that cannot be made any more cost the connection, not the one who comes next", async () => {
    await db.pool.query("drop table things");
    secondsPass(11);
    const before = await db.inTransaction(backend);
    assert.notEqual(await db.inTransaction(backend), before);
  });

  test("that a migration has outdated are not met a second time: the work is done again on another connection", async () => {
    const all = () => db.inTransaction((client) => client.query({ name: "all", text: "select * from things" }));
    await all();
    await db.pool.query("insert into things values (1); alter table things add name text");
    assert.deepEqual((await all()).rows, [{ id: 1, name: null }]);
  });
});
