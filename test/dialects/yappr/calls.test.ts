import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deactivateAgent } from "../../../src/core/agents/deactivateAgent.ts";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { newId } from "../../../src/platform/ids.ts";
import { callingTenant, FROM } from "../../engine/support.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";

/** Nobody dials here: what POST /calls leaves behind stands still. */
const world = await startWorld();
const tenant = await callingTenant(world, { callLimit: 1_000 });
const { token } = await tenant.key("yappr");

let counter = 1_000_000;
const nextPhone = () => `+97250${counter++}`;

const valid = (fields: Record<string, unknown> = {}) => ({ agent_id: tenant.agentId, to: nextPhone(), from: FROM, ...fields });
const post = (body: unknown, headers: Record<string, string> = {}, key = token) =>
  send(world, "POST", "/calls", { token: key, body, headers });

async function refused(body: unknown, status: number, code: string, ...fields: string[]): Promise<void> {
  const before = await rowCounts(world.house, tenant.workspace.id);
  const response = await post(body, { "idempotency-key": newId() });
  const answer = response.json();
  assert.deepEqual([response.statusCode, answer.code], [status, code], response.body);
  assert.equal(typeof answer.error, "string");
  if (fields.length > 0) {
    assert.deepEqual(answer.details.map((detail: { path: string }) => detail.path).sort(), fields.sort(), response.body);
    for (const field of fields)
      assert.ok(
        field.split(".").every((part) => answer.error.includes(part)),
        `${answer.error} does not name ${field}`,
      );
  }
  assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before, "something was written");
}

describe("POST /calls: the seed's example (seed 001, yappr 7.1)", () => {
  test("answers 201 ringing", async () => {
    const seed = {
      to: "+972501234567",
      from: "+972551234567",
      variables: { LeadName: "David Cohen", OrderNumber: "ORD-1234" },
      metadata: { appointment_id: "ghl-apt-abc123", calendar_id: "ghl-cal-xyz789", contact_id: "ghl-contact-def456" },
    };
    const response = await post({ agent_id: tenant.agentId, ...seed });
    assert.equal(response.statusCode, 201, response.body);
    const { id, created_at, ...rest } = response.json();
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, {
      status: "ringing",
      agent_id: tenant.agentId,
      from: seed.from,
      to: seed.to,
      direction: "outbound",
      metadata: seed.metadata,
    });
    const [call] = (await tenant.calls()).filter((one) => one.id === id);
    assert.deepEqual([call?.variables, call?.metadata, call?.status], [seed.variables, seed.metadata, "admitted"]);
  });

  test("a number on the Do-Not-Call list answers 200 dnc_blocked, with the row and the event, and nothing is dialled", async () => {
    const to = nextPhone();
    const { entry } = await addDncEntry(tenant.ctx, { phone: to, reason: "Asked not to be called", source: "api" });
    const response = await post(valid({ to }));
    assert.equal(response.statusCode, 200, response.body);
    const { call_id, message, started_at, ended_at, ...rest } = response.json();
    assert.ok(message.length > 0);
    assert.equal(started_at, ended_at);
    assert.deepEqual(rest, { status: "dnc_blocked", agent_id: tenant.agentId, to, from: FROM, dnc_reason: "Asked not to be called" });
    const shown = (await send(world, "GET", `/calls/${call_id}`, { token })).json();
    assert.deepEqual([shown.status, shown.started_at, shown.ended_at, shown.duration_seconds], ["dnc_blocked", started_at, ended_at, 0]);
    assert.deepEqual(
      shown.events.map((event: { type: string; data: { dnc_entry_id: string } }) => [event.type, event.data.dnc_entry_id]),
      [["call_dnc_blocked", entry.id]],
    );
    assert.deepEqual(
      shown.decisions.map(({ verdict, reason, detail }: Record<string, unknown>) => ({ verdict, reason, detail })),
      [
        {
          verdict: "blocked",
          reason: "do_not_call",
          detail: { entry_id: entry.id, entry_version: 1, entry_reason: "Asked not to be called" },
        },
      ],
    );
    const { rows } = await world.house.db.pool.query("select from live_calls where call_id = $1", [call_id]);
    assert.equal(rows.length, 0);
  });

  test("no capacity answers 202 queued with the place in the queue", async () => {
    const full = await callingTenant(world, { callLimit: 1 });
    const key = (await full.key("yappr")).token;
    const body = { agent_id: full.agentId, from: FROM };
    assert.equal((await post({ ...body, to: nextPhone() }, {}, key)).statusCode, 201);
    for (const position of [1, 2]) {
      const to = nextPhone();
      const response = await post({ ...body, to }, {}, key);
      assert.equal(response.statusCode, 202, response.body);
      const { id, queued_at, expires_at, message, ...rest } = response.json();
      assert.ok(message.length > 0);
      assert.deepEqual(rest, { status: "queued", agent_id: full.agentId, to, from: FROM, queue_position: position });
      assert.equal(Date.parse(expires_at) - Date.parse(queued_at), world.config.QUEUE_HOURS * 3_600_000);
      assert.equal((await send(world, "GET", `/calls/${id}`, { token: key })).json().status, "queued");
    }
  });
});

describe("POST /calls: numbers (seed 001)", () => {
  const good = ["+14155551234", "+4930123456", "+97231234567", "+972501234567", "+12345678", "+123456789012345"];
  for (const to of good) test(`to ${to} is taken`, async () => assert.equal((await post(valid({ to }))).statusCode, 201));

  const bad = [
    "",
    " ",
    "+",
    "972501234567",
    "0501234567",
    "+0501234567",
    "+97250123456٧",
    "+972 50 123 4567",
    "+972-50-1234567",
    "+1234567",
    "+1234567890123456",
    "+9725012345",
    "+97250123456789",
    "+972",
    " +972501234567",
    "+972501234567\n",
    "sip:a@b",
    "x".repeat(1_000),
  ];
  for (const number of bad) {
    test(`${JSON.stringify(number.slice(0, 20))} is refused as to and as from`, async () => {
      await refused(valid({ to: number }), 400, "INVALID_TO_NUMBER", "to");
      await refused(valid({ from: number }), 400, "INVALID_FROM_NUMBER", "from");
    });
  }

  test("both wrong: both are named", () => refused(valid({ to: "1", from: "2" }), 400, "INVALID_TO_NUMBER", "to", "from"));
  test("to must differ from from", () => refused(valid({ to: FROM }), 400, "SELF_CALL_NOT_ALLOWED", "to"));

  test("from must be an active number of the workspace", async () => {
    await refused(valid({ from: "+972551234568" }), 400, "INVALID_FROM_NUMBER", "from");
    const other = await callingTenant(world);
    await world.house.db.pool.query("update phone_numbers set is_active = false where workspace_id = $1", [other.workspace.id]);
    const response = await post({ agent_id: other.agentId, to: nextPhone(), from: FROM }, {}, (await other.key("yappr")).token);
    assert.deepEqual([response.statusCode, response.json().code], [400, "INVALID_FROM_NUMBER"]);
    assert.deepEqual(await other.calls(), []);
  });
});

describe("POST /calls: the other fields (yappr 7.1)", () => {
  test("every missing or wrong field is named at once", async () => {
    await refused({}, 400, "BAD_REQUEST", "agent_id", "to", "from");
    await refused({ agent_id: null, to: null, from: null }, 400, "BAD_REQUEST", "agent_id", "to", "from");
    await refused(
      { agent_id: 1, to: 2, from: {}, variables: [], metadata: "x" },
      400,
      "BAD_REQUEST",
      "agent_id",
      "to",
      "from",
      "variables",
      "metadata",
    );
    await refused({ agent_id: "x", to: "050", from: FROM }, 400, "INVALID_TO_NUMBER", "agent_id", "to");
    await refused(valid({ variables: { A: 1, B: {} } }), 400, "BAD_REQUEST", "variables.A", "variables.B");
    await refused({ agentId: tenant.agentId, ...valid() }, 400, "BAD_REQUEST", "agentId");
  });

  test("variables and metadata may be absent, null or empty", async () => {
    for (const fields of [{}, { variables: null, metadata: null }, { variables: {}, metadata: {} }]) {
      const response = await post(valid(fields));
      assert.equal(response.statusCode, 201, response.body);
      assert.deepEqual(response.json().metadata, {});
    }
  });

  test("a variable that is null is an empty text", async () => {
    const { id } = (await post(valid({ variables: { A: null, B: "", C: "ג" } }))).json();
    assert.deepEqual((await tenant.calls()).find((call) => call.id === id)?.variables, { A: "", B: "", C: "ג" });
  });

  for (const key of ["id", "direction", "agent_number", "user_number", "agent_name"]) {
    test(`metadata must not use the reserved key ${key}`, () =>
      refused(valid({ metadata: { ok: 1, [key]: null } }), 400, "INVALID_METADATA_RESERVED_KEY", `metadata.${key}`));
  }

  test("metadata is kept as it is, deep and odd", async () => {
    const metadata = { "": 1, "a b": [1, { c: null }], id2: "x", nested: { id: "fine" }, שם: "דנה", n: 1.5e300 };
    const response = await post(valid({ metadata }));
    assert.deepEqual(response.json().metadata, metadata);
    assert.deepEqual((await send(world, "GET", `/calls/${response.json().id}`, { token })).json().metadata, metadata);
  });

  test("an agent that is unknown, or another workspace's, is not found", async () => {
    const other = await callingTenant(world);
    await refused(valid({ agent_id: newId() }), 404, "NOT_FOUND");
    await refused(valid({ agent_id: other.agentId }), 404, "NOT_FOUND");
  });

  test("an agent's id may be written in capitals", async () => {
    const response = await post(valid({ agent_id: tenant.agentId.toUpperCase() }));
    assert.deepEqual([response.statusCode, response.json().agent_id], [201, tenant.agentId]);
  });

  test("an inactive agent places no calls", async () => {
    const other = await callingTenant(world);
    await deactivateAgent(other.ctx, other.agentId);
    const response = await post({ agent_id: other.agentId, to: nextPhone(), from: FROM }, {}, (await other.key("yappr")).token);
    assert.deepEqual([response.statusCode, response.json().code], [400, "BAD_REQUEST"]);
    assert.match(response.json().error, /agent_id/);
    assert.deepEqual(await other.calls(), []);
  });

  test("the body may have 65,536 bytes and not one more", async () => {
    const bytesOf = (length: number) => JSON.stringify(valid({ metadata: { x: "x".repeat(length) } }));
    const room = 65_536 - Buffer.byteLength(bytesOf(0));
    assert.equal((await post(bytesOf(room))).statusCode, 201);
    await refused(bytesOf(room + 1), 413, "REQUEST_BODY_TOO_LARGE");
  });
});

describe("POST /calls: Idempotency-Key (yappr 1.5)", () => {
  test("the same request again gets the same answer, byte for byte, and is no second call", async () => {
    const blocked = nextPhone();
    await addDncEntry(tenant.ctx, { phone: blocked, source: "api" });
    const full = await callingTenant(world, { callLimit: 0 });
    const fullKey = (await full.key("yappr")).token;
    const cases: Array<[number, Record<string, unknown>, string]> = [
      [201, valid({ metadata: { z: 1, a: [true, null], 7: "x" }, variables: { LeadName: null } }), token],
      [200, valid({ to: blocked }), token],
      [202, { agent_id: full.agentId, to: nextPhone(), from: FROM }, fullKey],
    ];
    for (const [status, body, key] of cases) {
      const header = { "idempotency-key": newId() };
      const first = await post(body, header, key);
      assert.equal(first.statusCode, status, first.body);
      assert.equal(first.headers["idempotency-replayed"], undefined);
      const before = (await (status === 202 ? full : tenant).calls()).length;
      const { to, ...others } = body;
      for (const again of [body, { ...others, to }, { ...body, agent_id: String(body.agent_id).toUpperCase(), unknown_field: 1 }]) {
        const replay = await post(again, header, key);
        assert.deepEqual([replay.statusCode, replay.body, replay.headers["idempotency-replayed"]], [status, first.body, "true"]);
      }
      assert.equal((await (status === 202 ? full : tenant).calls()).length, before);
    }
  });

  test("a different request with the key is a conflict", async () => {
    const body = valid();
    const header = { "idempotency-key": newId() };
    await post(body, header);
    const before = await rowCounts(world.house, tenant.workspace.id);
    for (const other of [{ to: nextPhone() }, { metadata: { a: 1 } }, { variables: { A: "b" } }]) {
      const response = await post({ ...body, ...other }, header);
      assert.deepEqual([response.statusCode, response.json().code], [409, "IDEMPOTENCY_KEY_CONFLICT"]);
    }
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
  });

  test("while the first request is under way the key is busy", async () => {
    const key = newId();
    const client = await world.house.db.pool.connect();
    try {
      await client.query("begin");
      await client.query("select pg_advisory_xact_lock(hashtextextended(concat_ws(' ', $1::uuid, 'place_call', $2::text), 0))", [
        tenant.workspace.id,
        key,
      ]);
      const response = await post(valid(), { "idempotency-key": key });
      assert.deepEqual([response.statusCode, response.json().code], [409, "IDEMPOTENCY_REQUEST_IN_PROGRESS"]);
      const seconds = Number(response.headers["retry-after"]);
      assert.ok(seconds >= 1 && seconds <= 30);
    } finally {
      await client.query("rollback");
      client.release();
    }
    assert.equal((await post(valid(), { "idempotency-key": key })).statusCode, 201);
  });

  test("200 at once with one key: one call; the others get its answer or are told that it is under way", async () => {
    const body = valid();
    const header = { "idempotency-key": newId() };
    const responses = await Promise.all(Array.from({ length: 200 }, () => post(body, header)));
    const fresh = responses.filter(({ statusCode, headers }) => statusCode === 201 && !headers["idempotency-replayed"]);
    const replayed = responses.filter(({ statusCode, headers }) => statusCode === 201 && headers["idempotency-replayed"] === "true");
    const busy = responses.filter((response) => response.statusCode === 409 && response.json().code === "IDEMPOTENCY_REQUEST_IN_PROGRESS");
    assert.equal(fresh.length, 1);
    assert.equal(fresh.length + replayed.length + busy.length, 200);
    assert.ok(replayed.every((response) => response.body === fresh[0]?.body));
    assert.equal((await tenant.calls()).filter((call) => call.to_number === body.to).length, 1);
  });

  test("200 different requests at once with one key: one call, conflicts for all others", async () => {
    const header = { "idempotency-key": newId() };
    const bodies = Array.from({ length: 200 }, () => valid());
    const responses = await Promise.all(bodies.map((body) => post(body, header)));
    assert.equal(responses.filter(({ statusCode }) => statusCode === 201).length, 1);
    assert.equal(responses.filter(({ statusCode }) => statusCode === 409).length, 199);
    const numbers = new Set(bodies.map(({ to }) => to));
    assert.equal((await tenant.calls()).filter((call) => numbers.has(call.to_number)).length, 1);
  });

  test("after 8 days the key is fresh", async () => {
    const key = newId();
    await post(valid(), { "idempotency-key": key });
    const { rows } = await world.house.db.pool.query<{ days: number }>(
      "select extract(epoch from expires_at - created_at)::integer / 86400 as days from idempotency_keys where key = $1",
      [key],
    );
    assert.equal(rows[0]?.days, 8);
    await world.house.db.pool.query("update idempotency_keys set expires_at = now() - interval '1 second' where key = $1", [key]);
    const body = valid();
    const second = await post(body, { "idempotency-key": key });
    assert.deepEqual([second.statusCode, second.headers["idempotency-replayed"]], [201, undefined]);
    assert.equal((await post(body, { "idempotency-key": key })).body, second.body);
  });

  test("the key counts per workspace, whichever API key asks, and in its exact letters", async () => {
    const key = `k-${newId()}`;
    const body = valid();
    await post(body, { "idempotency-key": key });
    const second = (await tenant.key("yappr")).token;
    assert.equal((await post(body, { "idempotency-key": key }, second)).headers["idempotency-replayed"], "true");
    assert.equal((await post(body, { "idempotency-key": key.toUpperCase() })).headers["idempotency-replayed"], undefined);
    const other = await callingTenant(world);
    const theirs = await post({ ...body, agent_id: other.agentId }, { "idempotency-key": key }, (await other.key("yappr")).token);
    assert.deepEqual([theirs.statusCode, theirs.headers["idempotency-replayed"]], [201, undefined]);
  });

  test("a refused request uses nothing up", async () => {
    const header = { "idempotency-key": newId() };
    assert.equal((await post(valid({ agent_id: newId() }), header)).statusCode, 404);
    assert.equal((await post(valid({ to: "1" }), header)).statusCode, 400);
    assert.equal((await post(valid(), header)).statusCode, 201);
  });

  test("a key has 1 to 255 visible ASCII characters", async () => {
    assert.equal((await post(valid(), { "idempotency-key": "!~".repeat(127) })).statusCode, 201);
    const before = await rowCounts(world.house, tenant.workspace.id);
    for (const key of ["", " ", "a b", "x".repeat(256), "é", "a\tb"]) {
      const response = await post(valid(), { "idempotency-key": key });
      assert.deepEqual([response.statusCode, response.json().code], [400, "BAD_REQUEST"], JSON.stringify(key));
    }
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
  });
});
