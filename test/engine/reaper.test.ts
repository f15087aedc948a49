import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newId } from "../../src/platform/ids.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";
import { type CallingTenant, callingTenant, hearingFor } from "./support.ts";
import { numberOn, testTrunk } from "./trunks.ts";

/** No voice node of its own: the tests play the nodes, living and dead. */
const world = await startWorld({ roles: ["api", "dispatcher"] });
const { pool } = world.house.db;

/** A node that was last heard of so many seconds ago. */
async function nodeHeard(secondsAgo: number): Promise<string> {
  const id = newId();
  await pool.query("insert into nodes (id, host, pid, heartbeat_at) values ($1, 'elsewhere', 1, now() - make_interval(secs => $2))", [
    id,
    secondsAgo,
  ]);
  return id;
}

/** From now on the node is one that was last heard of 6.1 seconds ago. */
const silent = (nodeId: string) => pool.query("update nodes set heartbeat_at = now() - interval '6.1 seconds' where id = $1", [nodeId]);

/** Of the ten seconds in which a dead node is to be noticed, six had passed when it was given up. */
const NOTICED_MS = 3_900;

/** `until`, while everybody could be heard all the time: after a gap, as when this machine stands still, every silence counts anew. */
const untilHeard: typeof until = (condition, options) =>
  until(async () => {
    await hearingFor(pool, 60);
    return condition();
  }, options);

/** A call that a node has dialled. */
async function callOf(tenant: CallingTenant, nodeId: string, to: string, from?: string): Promise<string> {
  const { call } = await tenant.place(to, from ? { from } : {});
  await pool.query("update live_calls set node_id = $2 where call_id = $1", [call.id, nodeId]);
  await pool.query("update calls set status = 'ringing', started_at = now() where id = $1", [call.id]);
  return call.id;
}

const leases = async (tenant: CallingTenant) =>
  (
    await pool.query(
      "select in_use, (select count(*) from live_calls l where l.workspace_id = c.workspace_id) as live from workspace_capacity c where workspace_id = $1",
      [tenant.workspace.id],
    )
  ).rows[0];

/** What happened in between may have taken this machine longer than a limit: then an end is right, but not before. */
const msBetween = (from: Date | undefined, to: Date | null | undefined) => (to?.getTime() ?? 0) - (from?.getTime() ?? 0);

describe("a dead voice node", () => {
  test("its calls end with the true reason, and within 10 s its slots are a waiting call's", async () => {
    const tenant = await callingTenant(world, { callLimit: 2 });
    const nodeId = await nodeHeard(0);
    const lost = [await callOf(tenant, nodeId, "+14155550010"), await callOf(tenant, nodeId, "+14155550020")];
    const waiting = (await tenant.place("+14155550030")).call;
    assert.equal(waiting.status, "queued");
    await silent(nodeId);
    await untilHeard(async () => (await tenant.calls()).find(({ id }) => id === waiting.id)?.status === "admitted", {
      what: "the waiting call's admission",
      withinMs: NOTICED_MS,
    });
    for (const call of (await tenant.calls()).filter(({ id }) => lost.includes(id))) {
      assert.deepEqual(
        [call.status, call.outcome, call.ended_by, call.disconnect_reason, call.error],
        ["ended", "failed", "system", "Voice node lost", "voice node lost"],
      );
      const { rows } = await pool.query("select type from events where subject_id = $1", [call.id]);
      assert.deepEqual(rows, [{ type: "call.failed" }]);
    }
    assert.deepEqual(await leases(tenant), { in_use: 1, live: 1 });
    await untilHeard(async () => (await pool.query("select from nodes where id = $1", [nodeId])).rows.length === 0, {
      what: "its removal",
    });
  });

  test("gives the channels of its trunk back within 10 s, also to another workspace that waits for them", async () => {
    const trunk = await testTrunk(world, 2);
    const [tenant, other] = [await callingTenant(world), await callingTenant(world)];
    const [from, otherFrom] = [await numberOn(trunk, tenant), await numberOn(trunk, other)];
    const nodeId = await nodeHeard(0);
    for (const to of ["+14155550010", "+14155550020"]) await callOf(tenant, nodeId, to, from);
    const waiting = (await other.place("+14155550030", { from: otherFrom })).call;
    assert.equal(waiting.status, "queued");
    await silent(nodeId);
    await untilHeard(async () => (await other.calls())[0]?.status === "admitted", {
      what: "the waiting call's admission",
      withinMs: NOTICED_MS,
    });
    for (const call of await tenant.calls()) {
      assert.deepEqual([call.outcome, call.ended_by, call.error], ["failed", "system", "voice node lost"]);
    }
    assert.deepEqual(await trunk.channels(), { in_use: 1, held: 1 });
  });

  test("that is not even registered any more counts as dead", async () => {
    const tenant = await callingTenant(world);
    const nodeId = await nodeHeard(0);
    await callOf(tenant, nodeId, "+14155550010");
    await pool.query("delete from nodes where id = $1", [nodeId]);
    await until(async () => (await tenant.calls())[0]?.error === "voice node lost", { what: "the end of its call" });
    assert.deepEqual(await leases(tenant), { in_use: 0, live: 0 });
  });
});

test("the calls of a node that was heard of lately are left alone", async () => {
  const tenant = await callingTenant(world);
  const [alive, dead] = [await nodeHeard(3), await nodeHeard(0)];
  const { rows } = await pool.query<{ heartbeat_at: Date }>("select heartbeat_at from nodes where id = $1", [alive]);
  const kept = await callOf(tenant, alive, "+14155550010");
  const lost = await callOf(tenant, dead, "+14155550020");
  await pool.query("delete from nodes where id = $1", [dead]);
  await untilHeard(async () => (await tenant.calls()).find(({ id }) => id === lost)?.status === "ended", { what: "the other's end" });
  const call = (await tenant.calls()).find(({ id }) => id === kept);
  assert.ok(call?.status === "ringing" || msBetween(rows[0]?.heartbeat_at, call?.ended_at) >= 6_000);
});

test("a call that no node takes for 30 s fails and says so; a younger one goes on waiting", async () => {
  // One lives, and takes nothing: heard ahead of its time, it does so however long this takes.
  await nodeHeard(-3_600);
  const tenant = await callingTenant(world);
  const old = (await tenant.place("+14155550010")).call.id;
  const young = (await tenant.place("+14155550020")).call.id;
  const { rows } = await pool.query<{ taken_at: Date }>(
    "update live_calls set taken_at = now() - interval '29 seconds' where call_id = $1 returning taken_at",
    [young],
  );
  await pool.query("update live_calls set taken_at = now() - interval '31 seconds' where call_id = $1", [old]);
  await untilHeard(async () => (await tenant.calls()).find(({ id }) => id === old)?.status === "ended", { what: "its end" });
  const [first, second] = await tenant.calls();
  assert.deepEqual(
    [first?.outcome, first?.disconnect_reason, first?.error],
    ["failed", "No voice node took the call", "no voice node took the call"],
  );
  assert.ok(second?.status === "admitted" || msBetween(rows[0]?.taken_at, second?.ended_at) >= 30_000);
});

test("while no node lives at all, a call waits for one for 30 s too", async () => {
  await pool.query("delete from nodes");
  const tenant = await callingTenant(world);
  const young = (await tenant.place("+14155550010")).call.id;
  const old = (await tenant.place("+14155550020")).call.id;
  await pool.query("update live_calls set taken_at = now() - interval '31 seconds' where call_id = $1", [old]);
  await pool.query("update live_calls set taken_at = now() + interval '1 hour' where call_id = $1", [young]);
  await untilHeard(async () => (await tenant.calls()).find(({ id }) => id === old)?.status === "ended", { what: "its end" });
  assert.equal((await tenant.calls()).find(({ id }) => id === young)?.status, "admitted");
});
