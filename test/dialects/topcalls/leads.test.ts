import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createList } from "../../../src/core/lists/createList.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("topcalls");
const { id: listId } = await createList(tenant.ctx, { name: "Web leads" });

const lead = (overrides: Record<string, unknown> = {}) => ({ name: "Dana Levi", phone_number: nextPhone(), list_id: listId, ...overrides });

let counter = 1_000_000;
const nextPhone = () => `+97250${counter++}`;

describe("POST /v1/leads (topcalls 4.1)", () => {
  test("a new phone makes a lead, with every field as the seed shows it", async () => {
    const phone = nextPhone();
    const body = lead({
      phone_number: phone,
      email: "Dana@Example.com",
      status: "Contacted",
      notes: "Called twice",
      tags: ["vip", "web"],
      metadata: { utm: { a: 1 } },
    });
    const response = await send(world, "POST", "/v1/leads", { token, body });
    assert.equal(response.statusCode, 201);
    const { id, created_at, updated_at, ...rest } = response.json();
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(created_at, updated_at);
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(rest, {
      account_id: tenant.workspace.id,
      name: "Dana Levi",
      phone_number: phone,
      status: "Contacted",
      tags: ["vip", "web"],
      existed: false,
      email: "dana@example.com",
      notes: "Called twice",
      metadata: { utm: { a: 1 } },
      converted_at: null,
      list_ids: [listId],
    });
  });

  test("200 identical requests at once: one 201, 199 times 200, one row", async () => {
    const body = lead();
    const responses = await Promise.all(Array.from({ length: 200 }, () => send(world, "POST", "/v1/leads", { token, body })));
    assert.equal(responses.filter(({ statusCode }) => statusCode === 201).length, 1);
    assert.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 199);
    assert.equal(new Set(responses.map((response) => response.json().id)).size, 1);
    const { rows } = await world.house.db.pool.query("select id from leads where workspace_id = $1 and phone = $2", [
      tenant.workspace.id,
      body.phone_number,
    ]);
    assert.equal(rows.length, 1);
  });

  test("every bad field at once, and nothing is written", async () => {
    const before = await rowCounts(world.house, tenant.workspace.id);
    const response = await send(world, "POST", "/v1/leads", {
      token,
      body: { name: "", phone_number: "050-123", email: "nope", status: "Hot" },
    });
    assert.equal(response.statusCode, 400);
    assert.match(String(response.headers["content-type"]), /^application\/problem\+json/);
    const problem = response.json();
    assert.equal(problem.status, 400);
    assert.equal(problem.title, "Invalid request body");
    assert.deepEqual(problem.errors.map((error: { path: string; code: string }) => [error.path, error.code]).sort(), [
      ["email", "invalid_format"],
      ["list_id", "required"],
      ["name", "too_small"],
      ["phone_number", "invalid_phone_number"],
      ["status", "invalid_enum_value"],
    ]);
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
  });
});
