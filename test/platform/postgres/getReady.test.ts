import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_STATEMENTS } from "../../../src/engine/first-statements.ts";
import { startWorld } from "../../support/world.ts";

const world = await startWorld({ roles: ["api", "voice"] });
const { db } = world.house;

const SAID = "select name, generic_plans as plans from pg_prepared_statements where name = any($1) order by name";

test("connections that are ready have planned what a call asks for first, none of it run, and the call uses that", async () => {
  const names = [...new Set([...FIRST_STATEMENTS.api, ...FIRST_STATEMENTS.voice].map(({ name }) => name))].sort();
  await world.app.getReady();
  // Again: what a connection knows is no trouble.
  await world.app.getReady();
  await db.inTransaction(async (client) => {
    const before = await client.query<{ name: string; plans: number }>(SAID, [names]);
    assert.deepEqual(
      before.rows.map(({ name }) => name),
      names,
    );
    for (const { plans } of before.rows) assert.ok(plans > 0);
    const [statement] = FIRST_STATEMENTS.voice;
    assert.ok(statement);
    await client.query({ ...statement, values: [null, 1] });
    const after = await client.query<{ name: string; plans: number }>(SAID, [[statement.name]]);
    const { plans } = before.rows.find(({ name }) => name === statement.name) ?? { plans: Number.NaN };
    assert.deepEqual(after.rows, [{ name: statement.name, plans: plans + 1 }]);
  });
});

test("a statement that cannot be parsed keeps nobody from anything", async () => {
  await db.getReady([{ name: "wrong", text: "select from nowhere" }]);
  assert.equal((await db.pool.query("select 1 as one")).rows[0].one, 1);
});
