import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { beHeard } from "../../src/engine/beHeard.ts";
import { startDispatcher } from "../../src/engine/dispatcher.ts";
import { newId } from "../../src/platform/ids.ts";
import { createLog } from "../../src/platform/log.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";
import { callingTenant, hearingFor } from "./support.ts";

/** No dispatcher of its own: the test says when one looks. */
const world = await startWorld();
const { house } = world;
const { pool } = house.db;

describe("since when somebody is heard", () => {
  const cases: Array<[what: string, heardAt: string, goesOn: boolean]> = [
    ["the same as before, when somebody was heard lately", "now() - interval '2.9 seconds'", true],
    ["the same as before, when somebody else is heard in the same moment", "now() + interval '1 millisecond'", true],
    ["from now on, when nobody was heard for longer", "now() - interval '3.1 seconds'", false],
    ["from now on, when the clock was set back", "now() + interval '1 minute'", false],
  ];
  for (const [what, heardAt, goesOn] of cases) {
    test(what, async () => {
      // In a transaction the database's clock stands still.
      const client = await pool.connect();
      try {
        await client.query("begin");
        await hearingFor(client, 60);
        await client.query(`update hearing set heard_at = ${heardAt}`);
        const { since, at } = await beHeard(client);
        assert.equal(at.getTime() - since.getTime(), goesOn ? 60_000 : 0);
        assert.deepEqual(await beHeard(client), { since, at }, "it is not kept");
      } finally {
        await client.query("rollback");
        client.release();
      }
    });
  }
});

test("after a time in which nobody could be heard, calls go on; a node that is not heard then either is dead", async () => {
  const tenant = await callingTenant(world);
  const callOf = async (node: string | null, to: string) => {
    const { call } = await tenant.place(to);
    await pool.query("update live_calls set node_id = $2 where call_id = $1", [call.id, node]);
    return call.id;
  };
  const endedCalls = async () => (await tenant.calls()).filter(({ status }) => status === "ended").map(({ id }) => id);
  // The living one is heard from the second look on: ahead of its time, so that it does not matter how slow this machine is.
  const [alive, dead] = [newId(), newId()];
  await pool.query("insert into nodes (id, host, pid) select unnest($1::uuid[]), 'elsewhere', 1", [[alive, dead]]);
  const kept = await callOf(alive, "+14155550010");
  const lost = await callOf(dead, "+14155550020");
  const untaken = await callOf(null, "+14155550030");
  const vanished = await callOf(newId(), "+14155550040");

  /** A dispatcher looks until `call` has ended. */
  const look = async (call: string) => {
    const dispatcher = startDispatcher({ house, listener: { on: () => undefined }, log: createLog("silent") });
    await until(async () => (await endedCalls()).includes(call), { what: "the end of a call", withinMs: 60_000 });
    await dispatcher.close();
  };

  await hearingFor(pool, 3_600);
  await pool.query("update hearing set heard_at = now() - interval '40 seconds'");
  await pool.query("update nodes set heartbeat_at = now() - interval '41 seconds'");
  await pool.query("update live_calls set taken_at = now() - interval '41 seconds'");
  await look(vanished);
  assert.deepEqual(await endedCalls(), [vanished]);
  assert.deepEqual((await pool.query("select from nodes where id = any($1)", [[alive, dead]])).rows.length, 2);

  // Seven seconds later.
  await hearingFor(pool, 7);
  await pool.query("update nodes set heartbeat_at = now() + interval '1 hour' where id = $1", [alive]);
  await look(lost);
  assert.deepEqual(new Set(await endedCalls()), new Set([vanished, lost]));

  // Half a minute later.
  await hearingFor(pool, 31);
  await look(untaken);
  assert.equal((await tenant.calls()).find(({ id }) => id === kept)?.status, "admitted");
});
