import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { updateAgent } from "../../src/core/agents/updateAgent.ts";
import { addDncEntry } from "../../src/core/do-not-call/addDncEntry.ts";
import { Conflict, Forbidden, InvalidInput, NotFound } from "../../src/core/errors.ts";
import { createLead } from "../../src/core/leads/createLead.ts";
import { placeCall } from "../../src/engine/placeCall.ts";
import { newId } from "../../src/platform/ids.ts";
import { startWorld } from "../support/world.ts";
import { callingTenant, FROM } from "./support.ts";

/** Nobody dials and nobody drains the queue: what admission decides stands still. */
const world = await startWorld();

let counter = 1_000_000;
const nextPhone = () => `+1415${counter++}`;

async function capacityOf(workspaceId: string) {
  const { rows } = await world.house.db.pool.query<{ in_use: number; live: number; queued: number }>(
    `select in_use, (select count(*) from live_calls l where l.workspace_id = c.workspace_id) as live,
      (select count(*) from queued_calls q where q.workspace_id = c.workspace_id) as queued
     from workspace_capacity c where workspace_id = $1`,
    [workspaceId],
  );
  return rows[0];
}

describe("capacity", () => {
  test("100 calls at once into a limit of 3: 3 are admitted, 97 queue, each at its own place", async () => {
    const tenant = await callingTenant(world, { callLimit: 3 });
    const placed = await Promise.all(Array.from({ length: 100 }, () => tenant.place(nextPhone())));
    const positions = placed.flatMap(({ call }) => (call.status === "queued" ? [call.position] : []));
    assert.deepEqual(
      positions.sort((a, b) => a - b),
      Array.from({ length: 97 }, (_value, index) => index + 1),
    );
    assert.deepEqual(await capacityOf(tenant.workspace.id), { in_use: 3, live: 3, queued: 97 });
    const { rows } = await world.house.db.pool.query("select call_id from queued_calls where workspace_id = $1 order by seq", [
      tenant.workspace.id,
    ]);
    const byPlace = placed
      .flatMap(({ call }) => (call.status === "queued" ? [call] : []))
      .sort((a, b) => a.position - b.position)
      .map((call) => call.id);
    assert.deepEqual(
      rows.map((row) => row.call_id),
      byPlace,
    );
  });

  test("a free lease goes to nobody new while others wait", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    await tenant.place(nextPhone());
    await tenant.setLimit(5);
    const { call } = await tenant.place(nextPhone());
    assert.equal(call.status === "queued" && call.position, 2);
    const { rows } = await world.house.db.pool.query("select reason, detail from call_decisions where call_id = $1", [call.id]);
    assert.deepEqual(rows, [{ reason: "others_wait", detail: { limit: 5, in_use: 0, waiting: 1 } }]);
  });

  test("one workspace's full lines are nothing to another", async () => {
    const [full, free] = await Promise.all([callingTenant(world, { callLimit: 0 }), callingTenant(world, { callLimit: 100 })]);
    const placed = await Promise.all(Array.from({ length: 50 }, (_value, index) => (index % 2 ? full : free).place(nextPhone())));
    assert.deepEqual(
      placed.map(({ call }) => call.status),
      placed.map((_call, index) => (index % 2 ? "queued" : "admitted")),
    );
  });
});

describe("what is written", () => {
  test("an admitted call: the row, its lease and its decision", async () => {
    const tenant = await callingTenant(world, { callLimit: 2 });
    const to = nextPhone();
    const { call } = await tenant.place(to, { variables: { A: "b" }, metadata: { c: 1 } });
    const [row] = await tenant.calls();
    assert.ok(row);
    const { id, status, agent_version, lead_id, to_number, from_number, direction, started_at, ended_at, expires_at } = row;
    assert.deepEqual(
      { id, status, agent_version, lead_id, to_number, from_number, direction, started_at, ended_at, expires_at },
      {
        id: call.id,
        status: "admitted",
        agent_version: 1,
        lead_id: null,
        to_number: to,
        from_number: FROM,
        direction: "outbound",
        started_at: null,
        ended_at: null,
        expires_at: null,
      },
    );
    const { rows } = await world.house.db.pool.query("select verdict, reason, detail from call_decisions where call_id = $1", [call.id]);
    assert.deepEqual(rows, [{ verdict: "admitted", reason: "capacity_free", detail: { limit: 2, in_use: 0, waiting: 0 } }]);
    assert.deepEqual(await capacityOf(tenant.workspace.id), { in_use: 1, live: 1, queued: 0 });
  });

  test("the call belongs to the workspace's lead with that phone", async () => {
    const [tenant, other] = await Promise.all([callingTenant(world), callingTenant(world)]);
    const phone = nextPhone();
    const lead = await createLead(tenant.ctx, { phone, name: "Dana" });
    await Promise.all([tenant.place(phone), other.place(phone)]);
    assert.equal((await tenant.calls())[0]?.lead_id, lead.id);
    assert.equal((await other.calls())[0]?.lead_id, null);
  });

  test("the agent's version is pinned as it was when the call was placed", async () => {
    const tenant = await callingTenant(world);
    await tenant.place(nextPhone());
    await updateAgent(tenant.ctx, tenant.agentId, { settings: { greeting_message: "Changed" } });
    await tenant.place(nextPhone());
    assert.deepEqual(
      (await tenant.calls()).map((call) => call.agent_version),
      [1, 2],
    );
  });
});

describe("Do-Not-Call at placing", () => {
  test("a blocked call holds no lease and no place, and its neighbours in the same transaction are placed", async () => {
    const tenant = await callingTenant(world, { callLimit: 5 });
    const blocked = nextPhone();
    await addDncEntry(tenant.ctx, { phone: blocked, reason: "No", source: "manual" });
    const placed = await Promise.all([tenant.place(nextPhone()), tenant.place(blocked), tenant.place(nextPhone())]);
    assert.deepEqual(
      placed.map(({ call }) => call.status),
      ["admitted", "dnc_blocked", "admitted"],
    );
    assert.deepEqual(await capacityOf(tenant.workspace.id), { in_use: 2, live: 2, queued: 0 });
    const row = (await tenant.calls()).find((call) => call.to_number === blocked);
    assert.deepEqual([row?.status, row?.outcome, row?.dnc_reason, row?.started_at], ["ended", "dnc_blocked", "No", null]);
  });

  test("an entry for other agents, one that has expired, and another workspace's entry block nothing", async () => {
    const [tenant, other] = await Promise.all([callingTenant(world), callingTenant(world)]);
    const [forOther, expired, theirs] = [nextPhone(), nextPhone(), nextPhone()];
    const second = (await callingTenant(world)).agentId;
    await addDncEntry(tenant.ctx, { phone: forOther, source: "api" });
    await world.house.db.pool.query("update dnc_entries set agent_ids = array[$1::uuid] where phone = $2", [second, forOther]);
    await addDncEntry(tenant.ctx, { phone: expired, source: "api" });
    await world.house.db.pool.query("update dnc_entries set expires_at = now() - interval '1 second' where phone = $1", [expired]);
    await addDncEntry(other.ctx, { phone: theirs, source: "api" });
    for (const phone of [forOther, expired, theirs]) assert.equal((await tenant.place(phone)).call.status, "admitted");
  });
});

describe("refusals", () => {
  test("in one transaction each gets its own, and the others are placed", async () => {
    const tenant = await callingTenant(world);
    const other = await callingTenant(world);
    const outcomes = await Promise.allSettled([
      tenant.place(nextPhone()),
      tenant.place(nextPhone(), { agentId: newId() }),
      tenant.place(nextPhone(), { agentId: other.agentId }),
      tenant.place(nextPhone(), { from: "+14155550000" }),
      tenant.place(nextPhone()),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.constructor : "placed")),
      ["placed", NotFound, NotFound, InvalidInput, "placed"],
    );
    assert.equal((await tenant.calls()).length, 2);
  });

  test("a key without calls:create places nothing", async () => {
    const tenant = await callingTenant(world);
    const ctx = { ...tenant.ctx, actor: { keyId: null, scopes: new Set(["calls:read"] as const) } };
    await assert.rejects(placeCall(ctx, { agentId: tenant.agentId, to: nextPhone(), from: FROM }), Forbidden);
  });
});

describe("idempotency within one transaction", () => {
  test("the second of two gets the first one's answer; a different request is refused", async () => {
    const tenant = await callingTenant(world);
    const to = nextPhone();
    const idempotencyKey = newId();
    const [first, second, different] = await Promise.allSettled([
      tenant.place(to, { idempotencyKey }),
      tenant.place(to, { idempotencyKey }),
      tenant.place(nextPhone(), { idempotencyKey }),
    ]);
    assert.ok(first.status === "fulfilled" && second.status === "fulfilled");
    assert.deepEqual(second.value, { ...first.value, replayed: true });
    assert.ok(different.status === "rejected" && different.reason instanceof Conflict);
    assert.equal(different.reason.code, "idempotency_key_reused");
    assert.equal((await tenant.calls()).length, 1);
  });

  test("when the first is refused, its repeat is too, and a different request may try again", async () => {
    const tenant = await callingTenant(world);
    const to = nextPhone();
    const idempotencyKey = newId();
    const unknown = { idempotencyKey, agentId: newId() };
    const [first, same, different] = await Promise.allSettled([
      tenant.place(to, unknown),
      tenant.place(to, unknown),
      tenant.place(to, { idempotencyKey }),
    ]);
    assert.ok(first.status === "rejected" && first.reason instanceof NotFound);
    assert.ok(same.status === "rejected" && same.reason instanceof NotFound);
    assert.ok(different.status === "rejected" && different.reason instanceof Conflict);
    assert.equal(different.reason.code, "idempotency_in_progress");
    assert.equal((await tenant.place(to, { idempotencyKey })).replayed, false);
  });

  test("a call without a key is never taken for one whose key is the word undefined", async () => {
    const tenant = await callingTenant(world);
    const to = nextPhone();
    const placed = await Promise.all([tenant.place(to, { idempotencyKey: "undefined" }), tenant.place(to), tenant.place(to)]);
    assert.equal(new Set(placed.map(({ call }) => call.id)).size, 3);
  });
});
