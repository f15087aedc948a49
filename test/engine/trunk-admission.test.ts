import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { QueryConfig } from "pg";
import { addDncEntry } from "../../src/core/do-not-call/addDncEntry.ts";
import { removeTrunk } from "../../src/core/trunks/removeTrunk.ts";
import { admitQueued } from "../../src/engine/admitQueued.ts";
import { QUEUE_CHANNEL } from "../../src/engine/channels.ts";
import { endCalls } from "../../src/engine/endCalls.ts";
import { LEASE_LOST } from "../../src/engine/endings.ts";
import { expireQueued } from "../../src/engine/expireQueued.ts";
import { lanesToServe } from "../../src/engine/lanesToServe.ts";
import { takeCalls } from "../../src/engine/takeCalls.ts";
import { newId } from "../../src/platform/ids.ts";
import { createLog } from "../../src/platform/log.ts";
import { openListener } from "../../src/platform/postgres/listener.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";
import { type CallingTenant, callingTenant } from "./support.ts";
import { numberOn, testTrunk } from "./trunks.ts";

/** Nobody dials and nobody drains the queue but the tests. */
const world = await startWorld();
const { house } = world;
const { pool } = house.db;

let counter = 1_000_000;
const nextPhone = () => `+1415${counter++}`;

const decisionsOf = async (callId: string) =>
  (
    await pool.query<{ verdict: string; reason: string; detail: unknown }>(
      "select verdict, reason, detail from call_decisions where call_id = $1 order by id",
      [callId],
    )
  ).rows;

/** What a dispatcher does when it is woken: calls that left the queue. */
async function drain(): Promise<number> {
  let moved = 0;
  for (;;) {
    const lanes = await lanesToServe(pool);
    const round = lanes.length > 0 ? await house.db.inTransaction((client) => admitQueued(client, lanes.flat(), house.clock.now())) : 0;
    if (round === 0) return moved;
    moved += round;
  }
}

/** Ends the tenant's oldest call that nobody has taken. */
async function endOne(tenant: CallingTenant): Promise<string> {
  const call = (await tenant.calls()).find(({ status }) => status === "admitted");
  assert.ok(call, "there is an admitted call");
  const end = { workspaceId: call.workspace_id, callId: call.id, nodeId: null, ...LEASE_LOST, at: house.clock.now() };
  assert.equal(await house.db.together(endCalls, end), true);
  return call.id;
}

const statuses = async (tenant: CallingTenant) => Object.groupBy(await tenant.calls(), ({ status }) => status);

describe("a trunk's channels", () => {
  test("60 calls at once of three workspaces into 4 channels: 4 go, 56 wait, and the reason is the trunk", async () => {
    const trunk = await testTrunk(world, 4);
    const tenants = await Promise.all([1, 2, 3].map(() => callingTenant(world, { callLimit: 100 })));
    const froms = await Promise.all(tenants.map((tenant) => numberOn(trunk, tenant)));
    const placed = await Promise.all(
      Array.from({ length: 60 }, (_value, index) => tenants[index % 3]?.place(nextPhone(), { from: froms[index % 3] ?? "" })),
    );
    const queued = placed.flatMap((one) => (one?.call.status === "queued" ? [one.call] : []));
    assert.equal(queued.length, 56);
    assert.deepEqual(await trunk.channels(), { in_use: 4, held: 4 });
    const [decision] = await decisionsOf(queued[0]?.id ?? "");
    assert.equal(decision?.reason, "trunk_full");
    assert.partialDeepStrictEqual(decision?.detail, { limit: 100, trunk_limit: 4 });
    for (const tenant of tenants) {
      for (const call of await tenant.calls()) assert.equal(call.trunk_id, trunk.id);
    }
  });

  test("what a workspace can read of its calls does not tell how many channels others have", async () => {
    const [trunk, other, tenant] = [await testTrunk(world, 3), await callingTenant(world), await callingTenant(world)];
    const [theirs, ours] = [await numberOn(trunk, other), await numberOn(trunk, tenant)];
    const readAs = async (one: CallingTenant, from: string) =>
      JSON.stringify(await decisionsOf((await one.place(nextPhone(), { from })).call.id));
    const alone = await readAs(tenant, ours);
    await endOne(tenant);
    await other.place(nextPhone(), { from: theirs });
    assert.equal(await readAs(tenant, ours), alone);
  });

  test("a call keeps the trunk that its caller ID had when it was placed", async () => {
    const [trunk, tenant] = [await testTrunk(world, 1), await callingTenant(world)];
    const from = await numberOn(trunk, tenant);
    await tenant.place(nextPhone(), { from });
    await tenant.place(nextPhone());
    await removeTrunk(house, trunk.id, { takeNumbersOff: true });
    await tenant.place(nextPhone(), { from });
    assert.deepEqual(
      (await tenant.calls()).map((call) => call.trunk_id),
      [trunk.id, null, null],
    );
    const { rows } = await pool.query("select count(*) as live from live_calls where workspace_id = $1", [tenant.workspace.id]);
    assert.deepEqual(rows, [{ live: 3 }]);
    await endOne(tenant);
  });

  test("the first of a long lane is found without reading the lane, on a trunk and on the simulated carrier", async () => {
    for (const trunk of [await testTrunk(world, 1), undefined]) {
      const tenant = await callingTenant(world, { callLimit: 1 });
      const from = trunk ? { from: await numberOn(trunk, tenant) } : {};
      await Promise.all(Array.from({ length: 300 }, () => tenant.place(nextPhone(), from)));
      await endOne(tenant);
      const lane = { workspaceId: tenant.workspace.id, trunkId: trunk?.id ?? null };
      const read = await house.db.inTransaction(async (client) => {
        const readSoFar = async () => {
          const { rows } = await client.query<{ read: number }>(
            "select seq_tup_read + idx_tup_fetch as read from pg_stat_xact_user_tables where relname = 'queued_calls'",
          );
          return rows[0]?.read ?? Number.NaN;
        };
        let read = 0;
        const query = async (asked: QueryConfig) => {
          const before = await readSoFar();
          const result = await client.query(asked);
          if (asked.name?.startsWith("first-in-queue")) read += (await readSoFar()) - before;
          return result;
        };
        assert.equal(await admitQueued(Object.create(client, { query: { value: query } }), [lane], house.clock.now()), 1);
        return read;
      });
      assert.ok(read > 0 && read < 10, `${read} of 299 waiting calls were read to find the first`);
      await pool.query("delete from queued_calls where workspace_id = $1", [tenant.workspace.id]);
    }
  });

  test("where hundreds of workspaces wait, one free channel does not lock them all, and goes to the one whose turn it is", async () => {
    const trunk = await testTrunk(world, 1);
    const { rows: workspaces } = await pool.query<{ id: string }>(
      `insert into workspaces (id, uid, name, time_zone, country, call_limit, webhook_secret, created_at, updated_at)
       select gen_random_uuid(), left(md5($1 || n), 16), 'one of many', 'UTC', 'IL', 5, '', now(), now() from generate_series(1, 300) n
       returning id`,
      [trunk.id],
    );
    const ids = workspaces.map(({ id }) => id).sort();
    const waiting = "select id, gen_random_uuid(), now() + interval '1 hour', $2::uuid from unnest($1::uuid[]) id";
    await pool.query("insert into workspace_capacity (workspace_id) select unnest($1::uuid[])", [ids]);
    await pool.query(`insert into queued_calls (workspace_id, call_id, expires_at, trunk_id) ${waiting}`, [ids, trunk.id]);
    await pool.query("update trunk_capacity set served_workspace_id = $2 where trunk_id = $1", [trunk.id, ids[199]]);
    const lanes = (await lanesToServe(pool)).flat().filter(({ trunkId }) => trunkId === trunk.id);
    assert.ok(lanes.length < 60, `${lanes.length} workspaces are to be locked for one channel`);
    assert.deepEqual(
      lanes.slice(0, 3).map(({ workspaceId }) => workspaceId),
      ids.slice(200, 203),
    );
    await pool.query("update trunk_capacity set in_use = 1 where trunk_id = $1", [trunk.id]);
    assert.ok((await lanesToServe(pool)).flat().every(({ trunkId }) => trunkId !== trunk.id));
    await pool.query("delete from queued_calls where trunk_id = $1", [trunk.id]);
  });

  test("a trunk without a limit is neither counted nor locked", async () => {
    const [trunk, tenant] = [await testTrunk(world, null), await callingTenant(world)];
    const from = await numberOn(trunk, tenant);
    const other = await pool.connect();
    try {
      await other.query("begin");
      await other.query("select from trunk_capacity where trunk_id = $1 for update", [trunk.id]);
      assert.equal((await tenant.place(nextPhone(), { from })).call.status, "admitted");
      await endOne(tenant);
    } finally {
      await other.query("rollback");
      other.release();
    }
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });

  test("a limit that is set or taken away under calls leaves the count right", async () => {
    const [trunk, tenant] = [await testTrunk(world, null), await callingTenant(world)];
    const from = await numberOn(trunk, tenant);
    await tenant.place(nextPhone(), { from });
    await trunk.setLimit(1);
    await tenant.place(nextPhone(), { from });
    assert.deepEqual(await trunk.channels(), { in_use: 1, held: 1 });
    await trunk.setLimit(null);
    await tenant.place(nextPhone(), { from });
    for (let ended = 0; ended < 3; ended++) await endOne(tenant);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });
});

describe("waiting for a trunk", () => {
  test("a full trunk holds up neither the workspace's calls on another one nor its simulated calls", async () => {
    const tenant = await callingTenant(world, { callLimit: 10 });
    const [full, free] = [await testTrunk(world, 1), await testTrunk(world, 1)];
    const [onFull, onFree] = [await numberOn(full, tenant), await numberOn(free, tenant)];
    const statusOf = async (from?: string) => (await tenant.place(nextPhone(), from ? { from } : {})).call.status;
    assert.deepEqual([await statusOf(onFull), await statusOf(onFull)], ["admitted", "queued"]);
    assert.deepEqual([await statusOf(onFree), await statusOf()], ["admitted", "admitted"]);
    assert.equal(await drain(), 0);
  });

  test("in one workspace the calls of a trunk go in the order in which they were placed", async () => {
    const tenant = await callingTenant(world, { callLimit: 10 });
    const trunk = await testTrunk(world, 1);
    const from = await numberOn(trunk, tenant);
    const placed: string[] = [];
    for (let index = 0; index < 6; index++) placed.push((await tenant.place(nextPhone(), { from })).call.id);
    const ended: string[] = [];
    for (let index = 0; index < 6; index++) {
      ended.push(await endOne(tenant));
      assert.equal(await drain(), index < 5 ? 1 : 0);
    }
    assert.deepEqual(ended, placed);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });

  test("calls of a workspace's other lanes go in the order of all", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    const trunk = await testTrunk(world, 5);
    const from = await numberOn(trunk, tenant);
    const placed: string[] = [];
    for (let index = 0; index < 6; index++) placed.push((await tenant.place(nextPhone(), index % 2 ? { from } : {})).call.id);
    const admitted: string[] = [];
    for (let limit = 1; limit <= 6; limit++) {
      await tenant.setLimit(limit);
      assert.equal(await drain(), 1);
      const { rows } = await pool.query<{ call_id: string }>("select call_id from live_calls where workspace_id = $1", [
        tenant.workspace.id,
      ]);
      admitted.push(...rows.map((row) => row.call_id).filter((id) => !admitted.includes(id)));
    }
    assert.deepEqual(admitted, placed);
  });

  test("one workspace's long queue does not starve another's short one: channels go round", async () => {
    const trunk = await testTrunk(world, 1);
    const [big, small, late] = await Promise.all([1, 2, 3].map(() => callingTenant(world, { callLimit: 50 })));
    assert.ok(big && small && late);
    const fromOf = new Map<CallingTenant, string>();
    for (const tenant of [big, small, late]) fromOf.set(tenant, await numberOn(trunk, tenant));
    const place = (tenant: CallingTenant) => tenant.place(nextPhone(), { from: fromOf.get(tenant) ?? "" });
    for (let index = 0; index < 20; index++) await place(big);
    for (let index = 0; index < 3; index++) await place(small);
    await place(late);
    const live = async () => {
      const { rows } = await pool.query<{ workspace_id: string }>("select workspace_id from live_calls where trunk_id = $1", [trunk.id]);
      assert.equal(rows.length, 1);
      return [big, small, late].find((tenant) => tenant.workspace.id === rows[0]?.workspace_id) ?? big;
    };
    const served: CallingTenant[] = [];
    for (let turn = 0; turn < 9; turn++) {
      await endOne(await live());
      assert.equal(await drain(), 1);
      served.push(await live());
    }
    assert.equal(served.filter((tenant) => tenant === small).length, 3);
    assert.equal(served.filter((tenant) => tenant === late).length, 1);
    assert.ok(served.slice(0, 3).includes(late) && served.slice(0, 3).includes(small), "everybody had a turn in the first round");
  });

  test("a new call does not overtake another workspace's that waits for the free channel, and wakes the dispatcher", async () => {
    const trunk = await testTrunk(world, 1);
    const [greedy, patient] = [await callingTenant(world), await callingTenant(world)];
    const [fromGreedy, fromPatient] = [await numberOn(trunk, greedy), await numberOn(trunk, patient)];
    await greedy.place(nextPhone(), { from: fromGreedy });
    const waiting = (await patient.place(nextPhone(), { from: fromPatient })).call;
    await endOne(greedy);
    const heard: string[] = [];
    const listener = await openListener(world.connection, [QUEUE_CHANNEL], createLog("silent"));
    world.defer(() => listener.close());
    listener.on(QUEUE_CHANNEL, (payload) => heard.push(payload));
    const late = (await greedy.place(nextPhone(), { from: fromGreedy })).call;
    assert.equal((await decisionsOf(late.id))[0]?.reason, "others_wait");
    await until(() => heard.length > 0, { what: "the dispatcher's wake-up" });
    assert.equal(await drain(), 1);
    assert.equal((await patient.calls()).find(({ id }) => id === waiting.id)?.status, "admitted");
  });

  test("who waits for lines of its own does not keep others from the trunk", async () => {
    const trunk = await testTrunk(world, 1);
    const [full, free] = [await callingTenant(world, { callLimit: 0 }), await callingTenant(world)];
    const [fromFull, fromFree] = [await numberOn(trunk, full), await numberOn(trunk, free)];
    const { call } = await full.place(nextPhone(), { from: fromFull });
    assert.equal((await decisionsOf(call.id))[0]?.reason, "capacity_full");
    assert.equal((await free.place(nextPhone(), { from: fromFree })).call.status, "admitted");
  });

  test("a channel that comes free wakes the dispatchers for another workspace that waits for it", async () => {
    const trunk = await testTrunk(world, 1);
    const [holder, waiter] = [await callingTenant(world), await callingTenant(world)];
    const [fromHolder, fromWaiter] = [await numberOn(trunk, holder), await numberOn(trunk, waiter)];
    await holder.place(nextPhone(), { from: fromHolder });
    await waiter.place(nextPhone(), { from: fromWaiter });
    const heard: string[] = [];
    const listener = await openListener(world.connection, [QUEUE_CHANNEL], createLog("silent"));
    world.defer(() => listener.close());
    listener.on(QUEUE_CHANNEL, (payload) => heard.push(payload));
    await endOne(holder);
    await until(() => heard.length > 0, { what: "the dispatcher's wake-up" });
    assert.equal(await drain(), 1);
  });

  test("calls that wait for a trunk that is removed are let go, for the carrier to say why they fail", async () => {
    const [trunk, tenant] = [await testTrunk(world, 1), await callingTenant(world)];
    const from = await numberOn(trunk, tenant);
    await tenant.place(nextPhone(), { from });
    await tenant.place(nextPhone(), { from });
    await removeTrunk(house, trunk.id, { takeNumbersOff: true });
    assert.equal(await drain(), 1);
    await endOne(tenant);
    await endOne(tenant);
    assert.deepEqual(Object.keys(await statuses(tenant)), ["ended"]);
  });
});

describe("a channel comes back", () => {
  test("when the Do-Not-Call list ends an admitted call, and never goes to a queued one that it ends", async () => {
    const [trunk, tenant] = [await testTrunk(world, 1), await callingTenant(world)];
    const from = await numberOn(trunk, tenant);
    const [taken, waiting, last] = [nextPhone(), nextPhone(), nextPhone()];
    for (const to of [taken, waiting, last]) await tenant.place(to, { from });
    // Blocked behind the verbs' back, so that dispatcher and node find out by themselves.
    for (const phone of [taken, waiting]) {
      await pool.query(
        "insert into dnc_entries (workspace_id, id, phone, source, created_at, updated_at) values ($1, gen_random_uuid(), $2, 'manual', now(), now())",
        [tenant.workspace.id, phone],
      );
    }
    const nodeId = newId();
    await pool.query("insert into nodes (id, host, pid) values ($1, 'test', 1)", [nodeId]);
    await pool.query("update live_calls set taken_at = now() - interval '1 day' where workspace_id = $1", [tenant.workspace.id]);
    const rung = await house.db.inTransaction((client) => takeCalls(client, { id: nodeId, limit: 1, now: house.clock.now() }));
    assert.deepEqual(rung, []);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
    assert.equal(await drain(), 2);
    assert.deepEqual(await trunk.channels(), { in_use: 1, held: 1 });
    const outcomes = new Map((await tenant.calls()).map((call) => [call.to_number, call.outcome ?? call.status]));
    assert.deepEqual(
      [taken, waiting, last].map((to) => outcomes.get(to)),
      ["dnc_blocked", "dnc_blocked", "admitted"],
    );
  });

  test("a queued call that is blocked or expires never had one", async () => {
    const [trunk, tenant] = [await testTrunk(world, 1), await callingTenant(world)];
    const from = await numberOn(trunk, tenant);
    const blocked = nextPhone();
    await tenant.place(nextPhone(), { from });
    await tenant.place(blocked, { from });
    const expiring = (await tenant.place(nextPhone(), { from })).call;
    await addDncEntry(tenant.ctx, { phone: blocked, source: "api" });
    await pool.query("update queued_calls set expires_at = now() where call_id = $1", [expiring.id]);
    await house.db.inTransaction((client) => expireQueued(client, new Date(Date.now() + 1_000)));
    assert.deepEqual(await trunk.channels(), { in_use: 1, held: 1 });
    assert.equal(await drain(), 0);
    await endOne(tenant);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });
});
