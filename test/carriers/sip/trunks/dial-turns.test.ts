import assert from "node:assert/strict";
import { test } from "node:test";
import { createDialTurns } from "../../../../src/carriers/sip/trunks/dial-turns.ts";
import { testTrunk } from "../../../engine/trunks.ts";
import { until } from "../../../support/until.ts";
import { startWorld } from "../../../support/world.ts";

const world = await startWorld();
const { house } = world;

/** The turns of a node whose database is away until `away` is set to false. */
function cutOff() {
  const state = { away: true, tries: 0 };
  const pool = new Proxy(house.db.pool, {
    get(target, name) {
      if (name !== "query") return Reflect.get(target, name);
      state.tries++;
      if (!state.away) return target.query.bind(target);
      return () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
    },
  });
  return { state, turns: createDialTurns({ db: { ...house.db, pool } }) };
}

test("a database that is away fails none of the calls that wait for their turn; they go when it is back, first come, first served", async () => {
  const { id } = await testTrunk(world, null);
  const { state, turns } = cutOff();
  const { signal } = new AbortController();
  const went: number[] = [];
  const waiting = [1, 2, 3].map((call) => turns.wait({ id, calls_per_second: 100 }, signal).then(() => went.push(call)));
  await until(() => state.tries >= 2, { what: "a second try" });
  assert.deepEqual(went, []);
  state.away = false;
  await Promise.all(waiting);
  assert.deepEqual(went, [1, 2, 3]);
});

test("a call that is hung up while the database is away waits no longer, and the next one has its turn", async () => {
  const { id } = await testTrunk(world, null);
  const { state, turns } = cutOff();
  const caller = new AbortController();
  const first = turns.wait({ id, calls_per_second: 100 }, caller.signal);
  const next = turns.wait({ id, calls_per_second: 100 }, new AbortController().signal);
  await until(() => state.tries >= 1, { what: "the first try" });
  caller.abort();
  await assert.rejects(first);
  state.away = false;
  await next;
});
