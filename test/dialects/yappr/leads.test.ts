import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLead } from "../../../src/core/leads/createLead.ts";
import { resolveLeads } from "../../../src/core/leads/resolveLeads.ts";
import { newId } from "../../../src/platform/ids.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("yappr");

let counter = 1_000_000;
const nextPhone = () => `+97250${counter++}`;

const post = (body: unknown) => send(world, "POST", "/leads", { token, body });

/** The body is refused for exactly these fields, and nothing is written. */
async function refused(body: unknown, ...fields: string[]): Promise<{ error: string; code: string }> {
  const before = await rowCounts(world.house, tenant.workspace.id);
  const response = await post(body);
  assert.equal(response.statusCode, 400, response.body);
  const { error, code, details } = response.json();
  assert.equal(code, "BAD_REQUEST");
  assert.deepEqual(details.map((detail: { path: string }) => detail.path).sort(), fields.sort());
  for (const field of fields) assert.ok(error.includes(field), `${error} does not name ${field}`);
  assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before, "something was written");
  return { error, code };
}

describe("POST /leads (yappr 7.8)", () => {
  test("the documents' example, with names of tags", async () => {
    const response = await post({
      phone_number: "+972501234567",
      name: "<string>",
      email: "jsmith@example.com",
      tags: ["<string>"],
      metadata: {},
    });
    assert.equal(response.statusCode, 201, response.body);
    const { id, created_at, updated_at, tags, ...rest } = response.json();
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.equal(created_at, updated_at);
    assert.deepEqual(rest, {
      phone_number: "+972501234567",
      name: "<string>",
      email: "jsmith@example.com",
      source: "api",
      long_term_context: null,
      metadata: {},
    });
    assert.equal(tags.length, 1);
    assert.match(tags[0].id, /^[0-9a-f-]{36}$/);
    assert.ok(!Number.isNaN(Date.parse(tags[0].created_at)));
    assert.deepEqual(
      { ...tags[0], id: "", created_at: "" },
      { id: "", name: "<string>", description: null, color: null, sort_order: 1, created_at: "" },
    );
  });

  test("the documents' example, with ids of tags", async () => {
    const first = await post({ phone_number: nextPhone(), tags: ["one"] });
    const tag = first.json().tags[0];
    const response = await post({
      phone_number: nextPhone(),
      name: "<string>",
      email: "jsmith@example.com",
      tag_ids: [tag.id],
      metadata: {},
    });
    assert.equal(response.statusCode, 201, response.body);
    assert.deepEqual(response.json().tags, [tag]);
  });

  test("names and ids of tags together are refused, as in the documents' own sample", async () => {
    const { error } = await refused(
      {
        phone_number: "+972501234567",
        name: "<string>",
        email: "jsmith@example.com",
        tags: ["<string>"],
        tag_ids: ["3c90c3cc-0d44-4b50-8888-8dd25736052a"],
        metadata: {},
      },
      "tags",
    );
    assert.match(error, /together with tag_ids/);
  });

  test("only the phone number is required; null stands for nothing", async () => {
    const alone = await post({ phone_number: nextPhone() });
    assert.equal(alone.statusCode, 201);
    const nulls = await post({ phone_number: nextPhone(), name: null, email: null, long_term_context: null });
    assert.equal(nulls.statusCode, 201, nulls.body);
    for (const { name, email, long_term_context, tags, metadata } of [alone.json(), nulls.json()]) {
      assert.deepEqual(
        { name, email, long_term_context, tags, metadata },
        { name: null, email: null, long_term_context: null, tags: [], metadata: {} },
      );
    }
  });

  test("long_term_context and metadata are kept as sent; source is ours", async () => {
    const response = await post({
      phone_number: nextPhone(),
      long_term_context: "Prefers mornings. שלום 👋",
      metadata: { utm: { a: [1, null, "x"] } },
      source: "csv_import",
    });
    assert.equal(response.statusCode, 201, response.body);
    const lead = response.json();
    assert.equal(lead.long_term_context, "Prefers mornings. שלום 👋");
    assert.deepEqual(lead.metadata, { utm: { a: [1, null, "x"] } });
    assert.equal(lead.source, "api");
    assert.deepEqual((await send(world, "GET", `/leads/${lead.id}`, { token })).json(), lead);
  });

  test("tag names are trimmed, made once, and kept in their order", async () => {
    const response = await post({ phone_number: nextPhone(), tags: ["  vip ", "web", "vip", "חם"] });
    assert.deepEqual(
      response.json().tags.map((tag: { name: string }) => tag.name),
      ["vip", "web", "חם"],
    );
    const again = await post({ phone_number: nextPhone(), tags: ["web"] });
    assert.deepEqual(again.json().tags[0], response.json().tags[1]);
  });

  test("a number in any form that can be read is one lead", async () => {
    const phone = nextPhone();
    const first = await post({ phone_number: phone.replace("+972", "0") });
    assert.equal(first.statusCode, 201, first.body);
    assert.equal(first.json().phone_number, phone);
    for (const form of [phone, phone.slice(1), phone.replace("+972", "+972 ").replace(/(\d{3})$/, "-$1")]) {
      const response = await post({ phone_number: form });
      assert.equal(response.statusCode, 409, `${form}: ${response.body}`);
      assert.equal(response.json().lead_id, first.json().id);
    }
  });

  test("a phone that is a lead already answers 409 LEAD_EXISTS with that lead's id, and changes nothing", async () => {
    const body = { phone_number: nextPhone(), name: "Dana" };
    const lead = (await post(body)).json();
    const before = await rowCounts(world.house, tenant.workspace.id);
    const response = await post({ ...body, name: "Other", tags: ["new tag of a duplicate"] });
    assert.equal(response.statusCode, 409);
    assert.deepEqual(response.json(), { error: "A lead with this phone number exists already.", code: "LEAD_EXISTS", lead_id: lead.id });
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
    assert.deepEqual((await send(world, "GET", `/leads/${lead.id}`, { token })).json(), lead);
  });

  test("200 identical requests at once: one 201, 199 times 409 with its id, one row", async () => {
    const body = { phone_number: nextPhone(), name: "Race", tags: ["race"] };
    const responses = await Promise.all(Array.from({ length: 200 }, () => post(body)));
    const made = responses.filter(({ statusCode }) => statusCode === 201);
    assert.equal(made.length, 1);
    const others = responses.filter(({ statusCode }) => statusCode === 409);
    assert.equal(others.length, 199);
    assert.deepEqual(new Set(others.map((response) => response.json().lead_id)), new Set([made[0]?.json().id]));
    const { rows } = await world.house.db.pool.query("select id from leads where workspace_id = $1 and phone = $2", [
      tenant.workspace.id,
      body.phone_number,
    ]);
    assert.equal(rows.length, 1);
  });

  test("many leads at once with one new tag name make one tag", async () => {
    const responses = await Promise.all(Array.from({ length: 50 }, () => post({ phone_number: nextPhone(), tags: ["together"] })));
    assert.equal(new Set(responses.map((response) => response.json().tags[0].id)).size, 1);
  });

  test("the same phone is another lead in another workspace", async () => {
    const other = await world.tenant();
    const body = { phone_number: nextPhone() };
    assert.equal((await post(body)).statusCode, 201);
    assert.equal((await send(world, "POST", "/leads", { token: (await other.key("yappr")).token, body })).statusCode, 201);
  });

  describe("bad input", () => {
    const phone_number = "+972509999999";
    test("no phone number: missing, empty body, null", async () => {
      await refused({ name: "Dana" }, "phone_number");
      await refused("", "phone_number");
      await refused({ phone_number: null }, "phone_number");
    });
    test("no phone number in the text", async () => {
      for (const bad of ["", " ", "abc", "+", "+0501234567", "050", "+9725012345678901", "+972501234567x", 972501234567, "9".repeat(51)]) {
        await refused({ phone_number: bad }, "phone_number");
      }
    });
    test("every bad field at once", async () => {
      await refused(
        { phone_number: 5, name: 7, email: "nope", tags: "vip", metadata: [], long_term_context: {} },
        "phone_number",
        "name",
        "email",
        "tags",
        "metadata",
        "long_term_context",
      );
    });
    test("too long, blank, empty", async () => {
      await refused({ phone_number, name: "x".repeat(501) }, "name");
      await refused({ phone_number, email: "" }, "email");
      await refused({ phone_number, email: `${"x".repeat(300)}@example.com` }, "email");
      await refused({ phone_number, tags: ["ok", " \u200f\t"] }, "tags.1");
      await refused({ phone_number, tags: ["x".repeat(201)] }, "tags.0");
      await refused({ phone_number, tags: [null] }, "tags.0");
      await refused({ phone_number, tags: Array.from({ length: 101 }, (_value, index) => `t${index}`) }, "tags");
      await refused({ phone_number, long_term_context: "x".repeat(20_001) }, "long_term_context");
    });
    test("ids of tags: no uuid, unknown, another workspace's", async () => {
      await refused({ phone_number, tag_ids: ["vip"] }, "tag_ids.0");
      await refused({ phone_number, tag_ids: [newId()] }, "tag_ids");
      const other = await world.tenant();
      const { tags } = await createLead(other.ctx, { phone: "+972501234567", tagNames: ["theirs"] });
      await refused({ phone_number, tag_ids: [tags[0]?.id] }, "tag_ids");
    });
    test("camelCase is told how to spell", async () => {
      const { error } = await refused({ phoneNumber: phone_number, phone_number }, "phoneNumber");
      assert.match(error, /write it as phone_number/);
      await refused({ phone_number, longTermContext: "x", tagIds: [] }, "longTermContext", "tagIds");
    });
  });
});

describe("GET /leads and GET /leads/{id} (yappr 1.4, 7.8)", () => {
  test("newest first, by page, with the total", async () => {
    const fresh = await world.tenant();
    const key = (await fresh.key("yappr")).token;
    const ids: string[] = [];
    for (let index = 0; index < 5; index++) ids.unshift((await createLead(fresh.ctx, { phone: nextPhone(), name: `Lead ${index}` })).id);
    const get = async (query: string) => (await send(world, "GET", `/leads${query}`, { token: key })).json();
    const all = await get("");
    assert.deepEqual(all.pagination, { total: 5, limit: 20, offset: 0, has_more: false });
    assert.deepEqual(
      all.data.map((lead: { id: string }) => lead.id),
      ids,
    );
    const middle = await get("?limit=2&offset=2");
    assert.deepEqual(middle.pagination, { total: 5, limit: 2, offset: 2, has_more: true });
    assert.deepEqual(
      middle.data.map((lead: { id: string }) => lead.id),
      ids.slice(2, 4),
    );
    assert.deepEqual((await get("?limit=2&offset=4")).pagination, { total: 5, limit: 2, offset: 4, has_more: false });
    assert.deepEqual(await get("?offset=99"), { data: [], pagination: { total: 5, limit: 20, offset: 99, has_more: false } });
  });

  test("search looks at name, phone and email, and takes no wildcards", async () => {
    const fresh = await world.tenant();
    const key = (await fresh.key("yappr")).token;
    await createLead(fresh.ctx, { phone: "+972501110001", name: "Dana 100%", email: "Dana@Example.com" });
    await createLead(fresh.ctx, { phone: "+972501110002", name: "Avi 1000" });
    const found = async (search: string) =>
      (await send(world, "GET", `/leads?search=${encodeURIComponent(search)}`, { token: key }))
        .json()
        .data.map((lead: { name: string }) => lead.name);
    assert.deepEqual(await found("dana"), ["Dana 100%"]);
    assert.deepEqual(await found("example.com"), ["Dana 100%"]);
    assert.deepEqual(await found("1110002"), ["Avi 1000"]);
    assert.deepEqual(await found("100%"), ["Dana 100%"]);
    assert.deepEqual(await found("_"), []);
    assert.equal((await found("")).length, 2);
  });

  test("a lead that another door knows by its email alone is not shown", async () => {
    const fresh = await world.tenant();
    const key = (await fresh.key("yappr")).token;
    const phone = nextPhone();
    const owner = await createLead(fresh.ctx, { phone });
    const [found] = await world.house.db.inTransaction((client) =>
      resolveLeads(client, [
        {
          workspace_id: fresh.workspace.id,
          id: newId(),
          lookup: "email",
          name: "By email",
          email: "a@example.com",
          phone,
          origin: "api",
          now: new Date(),
        },
      ]),
    );
    const { data, pagination } = (await send(world, "GET", "/leads", { token: key })).json();
    assert.deepEqual([data.length, data[0].id, pagination.total], [1, owner.id, 1]);
    const response = await send(world, "GET", `/leads/${found?.lead.id}`, { token: key });
    assert.equal(response.statusCode, 404);
  });

  test("bad pages are refused", async () => {
    for (const query of ["limit=0", "limit=101", "limit=x", "offset=-1", "offset=1.5", "offset=99999999999", `search=${"x".repeat(201)}`]) {
      const response = await send(world, "GET", `/leads?${query}`, { token });
      assert.equal(response.statusCode, 400, query);
      assert.deepEqual(
        response.json().details.map((detail: { path: string }) => detail.path),
        [query.split("=")[0]],
      );
    }
    assert.equal((await send(world, "GET", "/leads?search=%00", { token })).statusCode, 400);
  });

  test("an id that is unknown, another workspace's, or no id at all", async () => {
    const other = await world.tenant();
    const theirs = await createLead(other.ctx, { phone: nextPhone() });
    for (const id of [newId(), theirs.id]) {
      const response = await send(world, "GET", `/leads/${id}`, { token });
      assert.equal(response.statusCode, 404);
      assert.deepEqual(response.json(), { error: "Lead not found.", code: "NOT_FOUND" });
    }
    const response = await send(world, "GET", "/leads/17", { token });
    assert.deepEqual([response.statusCode, response.json().code], [404, "RESOURCE_ID_INVALID"]);
  });
});
