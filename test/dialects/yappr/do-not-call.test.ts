import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { newId } from "../../../src/platform/ids.ts";
import { rowCounts, send, startWorld, type Tenant } from "../../support/world.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("yappr");

let counter = 1_000_000;
const nextPhone = () => `+97250${counter++}`;
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

const post = (body: unknown, key = token) => send(world, "POST", "/do-not-call", { token: key, body });
const get = (path: string, key = token) => send(world, "GET", `/do-not-call${path}`, { token: key });
const patch = (id: string, body: unknown) => send(world, "PATCH", `/do-not-call/${id}`, { token, body });
const remove = (id: string, key = token) => send(world, "DELETE", `/do-not-call/${id}`, { token: key });

async function agentOf(owner: Tenant, name = "Noa"): Promise<string> {
  const settings = {
    name,
    system_prompt: "Be kind.",
    language: "he",
    greeting_message: "Hi",
    webhook_headers: { Authorization: "s3cret" },
  };
  return (await createAgent(owner.ctx, { settings })).agent.id;
}

async function refused(response: () => ReturnType<typeof send>, ...fields: string[]): Promise<string> {
  const before = await rowCounts(world.house, tenant.workspace.id);
  const { statusCode, body, json } = await response();
  assert.equal(statusCode, 400, body);
  const { error, code, details } = json();
  assert.equal(code, "BAD_REQUEST");
  assert.deepEqual(details.map((detail: { path: string }) => detail.path).sort(), fields.sort(), error);
  assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before, "something was written");
  return error;
}

describe("POST /do-not-call (yappr 7.6)", () => {
  test("a new number answers 201 with the whole entry", async () => {
    const agentId = await agentOf(tenant);
    const expires_at = inAnHour();
    const phone = nextPhone();
    const response = await post({ phone_number: phone, reason: "Asked to", expires_at, agent_ids: [agentId, agentId.toUpperCase()] });
    assert.equal(response.statusCode, 201, response.body);
    const { id, created_by, created_at, agents, ...rest } = response.json();
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.match(created_by, /^[0-9a-f-]{36}$/);
    assert.ok(!Number.isNaN(Date.parse(created_at)));
    assert.deepEqual(rest, { company_id: tenant.workspace.id, phone_number: phone, reason: "Asked to", source: "api", expires_at });
    const full = (await send(world, "GET", `/agents/${agentId}`, { token })).json();
    const { tools: _tools, webhook_headers: _headers, ...shown } = full;
    assert.deepEqual(agents, [shown]);
    assert.deepEqual((await get(`/${id}`)).json(), response.json());
  });

  test("a number alone is blocked for every agent, for ever", async () => {
    const { reason, expires_at, agents } = (await post({ phone_number: nextPhone() })).json();
    assert.deepEqual({ reason, expires_at, agents }, { reason: null, expires_at: null, agents: [] });
    const nulls = await post({ phone_number: nextPhone(), reason: null, expires_at: null, agent_ids: [] });
    assert.equal(nulls.statusCode, 201, nulls.body);
  });

  test("a number that is there answers 200 with the entry as it was, in whatever form it comes", async () => {
    const phone = nextPhone();
    const first = (await post({ phone_number: phone, reason: "First" })).json();
    const agentId = await agentOf(tenant);
    const before = await rowCounts(world.house, tenant.workspace.id);
    for (const form of [phone, phone.slice(1), phone.replace("+972", "0"), phone.replace("+972", "0").replace(/^(\d{3})/, "$1-")]) {
      const response = await post({ phone_number: form, reason: "Second", expires_at: inAnHour(), agent_ids: [agentId] });
      assert.deepEqual([response.statusCode, response.json()], [200, first], form);
    }
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
  });

  test("an entry that has expired gives way to the new one: the number is blocked again", async () => {
    const phone = nextPhone();
    const old = (await post({ phone_number: phone, reason: "Old", expires_at: inAnHour() })).json();
    await expire(old.id);
    const response = await post({ phone_number: phone, reason: "New" });
    assert.equal(response.statusCode, 201, response.body);
    assert.deepEqual([response.json().reason, response.json().expires_at], ["New", null]);
    assert.notEqual(response.json().id, old.id);
    assert.equal((await get(`/${old.id}`)).statusCode, 404);
  });

  test("100 requests at once for one number: one 201, 99 times 200, one row", async () => {
    const body = { phone_number: nextPhone(), reason: "Race" };
    const responses = await Promise.all(Array.from({ length: 100 }, () => post(body)));
    assert.equal(responses.filter(({ statusCode }) => statusCode === 201).length, 1);
    assert.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 99);
    assert.equal(new Set(responses.map((response) => response.body)).size, 1);
    assert.equal(await rowsOf(body.phone_number), 1);
  });

  test("adding and removing one number at once always leaves it whole", async () => {
    const phone = nextPhone();
    const outcomes = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const { statusCode, json } = await post({ phone_number: phone });
        return [statusCode, (await remove(json().id)).statusCode];
      }),
    );
    for (const [added, removed] of outcomes) {
      assert.ok(added === 200 || added === 201, `${added}`);
      assert.ok(removed === 200 || removed === 404, `${removed}`);
    }
    assert.equal(outcomes.filter(([added]) => added === 201).length, outcomes.filter(([, removed]) => removed === 200).length);
    assert.equal(await rowsOf(phone), 0);
  });

  test("bad input", async () => {
    await refused(() => post({}), "phone_number");
    await refused(
      () => post({ phone_number: null, reason: 5, expires_at: "tomorrow", agent_ids: "all" }),
      "phone_number",
      "reason",
      "expires_at",
      "agent_ids",
    );
    for (const phone_number of ["", "  ", "abc", "+972", "050-123", "+9725012345678901", 972501234567]) {
      await refused(() => post({ phone_number }), "phone_number");
    }
    const phone_number = nextPhone();
    for (const expires_at of ["2020-01-01T00:00:00Z", "2020-12-31T23:59:60Z", "2999-01-01", "2999-13-01T00:00:00Z", "", 5]) {
      await refused(() => post({ phone_number, expires_at }), "expires_at");
    }
    await refused(() => post({ phone_number, reason: "x".repeat(2_001) }), "reason");
    await refused(() => post({ phone_number, agent_ids: ["noa", null] }), "agent_ids.0", "agent_ids.1");
    await refused(() => post({ phone_number, agent_ids: Array.from({ length: 101 }, newId) }), "agent_ids");
    assert.match(await refused(() => post({ phoneNumber: phone_number, phone_number }), "phoneNumber"), /write it as phone_number/);
  });

  test("agents that are unknown or another workspace's are refused, each by its place, with a past time", async () => {
    const ours = await agentOf(tenant);
    const theirs = await agentOf(await world.tenant());
    const body = { phone_number: nextPhone(), agent_ids: [ours, theirs, newId()], expires_at: "2020-01-01T00:00:00Z" };
    await refused(() => post(body), "agent_ids.1", "agent_ids.2", "expires_at");
  });
});

describe("GET /do-not-call (yappr 7.6)", () => {
  test("bare data, most recent first, expired entries too", async () => {
    const fresh = await world.tenant();
    const key = (await fresh.key("yappr")).token;
    const agentId = await agentOf(fresh);
    const made = [];
    for (const body of [{ expires_at: inAnHour() }, { agent_ids: [agentId] }, {}])
      made.unshift((await post({ phone_number: nextPhone(), ...body }, key)).json());
    const before = new Date(Date.now() - 1000).toISOString();
    await world.house.db.pool.query("update dnc_entries set expires_at = $1 where id = $2", [before, made[2].id]);
    assert.deepEqual((await get("", key)).json(), { data: [made[0], made[1], { ...made[2], expires_at: before }] });
    assert.deepEqual((await get("", (await (await world.tenant()).key("yappr")).token)).json(), { data: [] });
  });

  test("?phone= answers that entry alone, in any form of the number, or 404", async () => {
    const phone = nextPhone();
    const entry = (await post({ phone_number: phone })).json();
    for (const form of [
      encodeURIComponent(phone),
      phone,
      phone.slice(1),
      phone.replace("+972", "0"),
      encodeURIComponent(phone.replace("+972", "+972 ")),
    ]) {
      const response = await get(`?phone=${form}`);
      assert.deepEqual([response.statusCode, response.json()], [200, entry], form);
    }
    const absent = await get(`?phone=${encodeURIComponent(nextPhone())}`);
    assert.deepEqual([absent.statusCode, absent.json()], [404, { error: "Do-Not-Call entry not found.", code: "NOT_FOUND" }]);
    for (const bad of ["", "abc", "%00", "9".repeat(60)]) assert.equal((await get(`?phone=${bad}`)).statusCode, 400, bad);
    assert.deepEqual((await get("?phone=abc")).json().details[0].path, "phone");
    const other = await world.tenant();
    assert.equal((await get(`?phone=${encodeURIComponent(phone)}`, (await other.key("yappr")).token)).statusCode, 404);
  });
});

describe("PATCH /do-not-call/{id} (yappr 7.6)", () => {
  test("changes what is sent and nothing else; null and [] widen", async () => {
    const agentId = await agentOf(tenant);
    const entry = (await post({ phone_number: nextPhone(), reason: "A", expires_at: inAnHour(), agent_ids: [agentId] })).json();
    const steps: Array<[Record<string, unknown>, Record<string, unknown>]> = [
      [{ reason: "B" }, { reason: "B" }],
      [{ expires_at: null }, { expires_at: null }],
      [{ agent_ids: [] }, { agents: [] }],
      [{ reason: null }, { reason: null }],
    ];
    let expected = entry;
    for (const [body, change] of steps) {
      expected = { ...expected, ...change };
      const response = await patch(entry.id, body);
      assert.deepEqual([response.statusCode, response.json()], [200, expected]);
    }
    const { rows } = await world.house.db.pool.query("select version from dnc_entries where id = $1", [entry.id]);
    assert.equal(rows[0].version, 5);
  });

  test("30 changes at once each make a version", async () => {
    const { id } = (await post({ phone_number: nextPhone() })).json();
    const responses = await Promise.all(Array.from({ length: 30 }, (_value, index) => patch(id, { reason: `r${index}` })));
    assert.ok(responses.every(({ statusCode }) => statusCode === 200));
    const { rows } = await world.house.db.pool.query("select version from dnc_entries where id = $1", [id]);
    assert.equal(rows[0].version, 31);
  });

  test("bad input", async () => {
    const { id } = (await post({ phone_number: nextPhone() })).json();
    assert.match(await refused(() => patch(id, { phone_number: nextPhone() }), "phone_number"), /cannot be changed/);
    await refused(() => patch(id, { phoneNumber: nextPhone() }), "phoneNumber");
    await refused(() => patch(id, {}), "");
    await refused(() => patch(id, { reason: 5, expires_at: "soon", agent_ids: null }), "reason", "expires_at", "agent_ids");
    await refused(() => patch(id, { expires_at: "2020-01-01T00:00:00Z" }), "expires_at");
    const theirs = await agentOf(await world.tenant());
    await refused(() => patch(id, { agent_ids: [theirs] }), "agent_ids.0");
    assert.equal((await get(`/${id}`)).json().reason, null);
  });
});

describe("DELETE /do-not-call/{id} (yappr 7.6)", () => {
  test("removes the entry; the second time it is not found; the number can be added anew", async () => {
    const phone = nextPhone();
    const { id } = (await post({ phone_number: phone })).json();
    const response = await remove(id);
    assert.deepEqual([response.statusCode, response.json()], [200, { success: true }]);
    assert.equal((await remove(id)).statusCode, 404);
    assert.equal((await get(`/${id}`)).statusCode, 404);
    assert.equal((await post({ phone_number: phone })).statusCode, 201);
  });
});

test("an id that is unknown, another workspace's or no id is not found, by any method (yappr 1.3)", async () => {
  const other = await world.tenant();
  const otherKey = (await other.key("yappr")).token;
  const theirs = (await post({ phone_number: nextPhone() }, otherKey)).json();
  for (const id of [newId(), theirs.id, "17"]) {
    for (const response of [await get(`/${id}`), await patch(id, { reason: "Mine" }), await remove(id)]) {
      assert.deepEqual([response.statusCode, response.json().code], [404, id === "17" ? "RESOURCE_ID_INVALID" : "NOT_FOUND"]);
    }
  }
  assert.deepEqual((await get(`/${theirs.id}`, otherKey)).json(), theirs);
});

async function rowsOf(phone: string): Promise<number> {
  const { rows } = await world.house.db.pool.query("select from dnc_entries where workspace_id = $1 and phone = $2", [
    tenant.workspace.id,
    phone,
  ]);
  return rows.length;
}

async function expire(id: string): Promise<void> {
  await world.house.db.pool.query("update dnc_entries set expires_at = now() - interval '1 second' where id = $1", [id]);
}
