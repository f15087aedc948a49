import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupRun } from "../../src/platform/postgres/group-commit.ts";
import { startWorld } from "../support/world.ts";

const world = await startWorld();
const { db } = world.house;
await db.pool.query(
  "create table notes (number integer primary key check (number >= 0), xid bigint not null default pg_current_xact_id()::text::bigint)",
);

const insert: GroupRun<number, string> = async (client, numbers) => {
  await client.query("insert into notes (number) select unnest($1::integer[])", [numbers]);
  return numbers.map((number) => `kept ${number}`);
};

test("items that come at once share transactions, and each gets its own result", async () => {
  const numbers = Array.from({ length: 500 }, (_, index) => index);
  const results = await Promise.all(numbers.map((number) => db.together(insert, number)));
  assert.deepEqual(
    results,
    numbers.map((number) => `kept ${number}`),
  );
  const { rows } = await db.pool.query("select count(*) as notes, count(distinct xid) as transactions from notes");
  assert.equal(rows[0].notes, 500);
  assert.ok(rows[0].transactions < 10, `${rows[0].transactions} transactions`);
});

test("one bad item fails alone: the others of its group are kept", async () => {
  const numbers = [1_000, -1, 1_001, 0, 1_002];
  const outcomes = await Promise.allSettled(numbers.map((number) => db.together(insert, number)));
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"],
  );
  const { rows } = await db.pool.query("select number from notes where number >= 1000 order by number");
  assert.deepEqual(
    rows.map(({ number }) => number),
    [1_000, 1_001, 1_002],
  );
});

test("a refusal returned for one item does not roll back its neighbours", async () => {
  const refuseOdd: GroupRun<number, number> = async (client, numbers) => {
    const even = numbers.filter((number) => number % 2 === 0);
    await client.query("insert into notes (number) select unnest($1::integer[])", [even]);
    return numbers.map((number) => (number % 2 === 0 ? number : new RangeError(`${number} is odd`)));
  };
  const outcomes = await Promise.allSettled([2_000, 2_001, 2_002].map((number) => db.together(refuseOdd, number)));
  assert.deepEqual(
    outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : (outcome.reason as Error).message)),
    [2_000, "2001 is odd", 2_002],
  );
  const { rows } = await db.pool.query("select number from notes where number between 2000 and 2999 order by number");
  assert.deepEqual(rows, [{ number: 2_000 }, { number: 2_002 }]);
});

test("transactions that deadlock are run again until both are kept", async () => {
  const crosswise: GroupRun<[number, number], void> = async (client, [pair]) => {
    for (const number of pair as [number, number]) {
      await client.query("insert into notes (number) values ($1) on conflict (number) do update set number = excluded.number", [number]);
      await client.query("select pg_sleep(0.02)");
    }
    return [undefined];
  };
  const other: typeof crosswise = (client, items) => crosswise(client, items);
  await Promise.all([db.together(crosswise, [3_000, 3_001]), db.together(other, [3_001, 3_000])]);
  const { rows } = await db.pool.query("select count(*) as notes from notes where number in (3000, 3001)");
  assert.equal(rows[0].notes, 2);
});

test("when the connection is lost in the middle, the items are told so and not run again", async () => {
  let runs = 0;
  const cut: GroupRun<number, void> = async (client, numbers) => {
    runs++;
    await client.query("insert into notes (number) select unnest($1::integer[])", [numbers]);
    await client.query("select pg_terminate_backend(pg_backend_pid())");
    return numbers.map(() => undefined);
  };
  const outcomes = await Promise.allSettled([4_000, 4_001, 4_002].map((number) => db.together(cut, number)));
  assert.ok(outcomes.every(({ status }) => status === "rejected"));
  assert.equal(runs, 1);
  const { rows } = await db.pool.query("select from notes where number between 4000 and 4999");
  assert.equal(rows.length, 0);
  assert.equal(await db.together(insert, 4_500), "kept 4500");
});
