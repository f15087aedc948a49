import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { createList } from "../../../src/core/lists/createList.ts";
import { type Fault, testFaults } from "../../support/faults.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";

const world = await startWorld();
const tenant = await world.tenant();
const stranger = await world.tenant();
const { token } = await tenant.key("topcalls");
const { id: listId } = await createList(tenant.ctx, { name: "Web leads" });
const { id: foreignListId } = await createList(stranger.ctx, { name: "Theirs" });

let counter = 1_000_000;
const nextPhone = () => `+97250${counter++}`;
const lead = (overrides: Record<string, unknown> = {}) => ({ name: "Dana Levi", phone_number: nextPhone(), list_id: listId, ...overrides });
const post = (body: unknown) => send(world, "POST", "/v1/leads", { token, body });
const get = (path: string) => send(world, "GET", path, { token });
const counts = () => rowCounts(world.house, tenant.workspace.id);

/** topcalls 1.4. */
function assertProblem(response: LightMyRequestResponse, status: number, slug: string): Record<string, unknown> {
  assert.equal(response.statusCode, status, response.body);
  assert.match(String(response.headers["content-type"]), /^application\/problem\+json/);
  const problem = response.json();
  assert.equal(problem.status, status);
  assert.equal(problem.type, `https://api.topcalls.ai/errors/${slug}`);
  assert.ok(problem.title && problem.detail && problem.instance);
  return problem;
}

const FAULTS: Record<Fault, [number, string]> = {
  "missing key": [401, "unauthorized"],
  "malformed key": [401, "unauthorized"],
  "unknown key": [401, "unauthorized"],
  "revoked key": [401, "unauthorized"],
  "expired key": [401, "unauthorized"],
  "missing scope": [403, "forbidden"],
  "malformed JSON": [400, "validation_error"],
  "body is no object": [400, "validation_error"],
  "wrong content type": [415, "unsupported_media_type"],
  "body too large": [413, "payload_too_large"],
  "a NUL character": [400, "validation_error"],
  "half a surrogate pair": [400, "validation_error"],
  "nested too deep": [400, "validation_error"],
  "wrong method": [405, "method_not_allowed"],
  "unknown path": [404, "not_found"],
};
const expectFault = (fault: Fault, response: LightMyRequestResponse) => {
  assertProblem(response, ...FAULTS[fault]);
};

describe("POST /v1/leads (topcalls 4.1)", () => {
  test("a new phone makes a lead, with every field as the seed shows it", async () => {
    const phone = nextPhone();
    const response = await post(
      lead({
        phone_number: phone,
        email: "Dana@Example.com",
        status: "Contacted",
        notes: "Called twice",
        tags: ["vip", "web"],
        metadata: { utm: { a: 1 } },
      }),
    );
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
    const { existed: _, ...stored } = response.json();
    assert.deepEqual((await get(`/v1/leads/${id}`)).json(), stored);
  });

  test("only what is required: the rest has its defaults; notes_append is a new lead's first note", async () => {
    const { status, tags, metadata, email, notes, converted_at } = (await post(lead())).json();
    assert.deepEqual(
      { status, tags, metadata, email, notes, converted_at },
      { status: "New", tags: [], metadata: {}, email: null, notes: null, converted_at: null },
    );
    assert.equal((await post(lead({ notes_append: "From the fair" }))).json().notes, "From the fair");
    assert.equal((await post(lead({ notes: "Met Dana.", notes_append: "Call on Monday." }))).json().notes, "Met Dana.\nCall on Monday.");
    assert.equal((await post(lead({ notes: "Met Dana.", notes_append: "Call on Monday." }))).json().notes, "Met Dana.\nCall on Monday.");
  });

  test("a converted lead knows since when", async () => {
    const { converted_at, created_at } = (await post(lead({ status: "Converted" }))).json();
    assert.equal(converted_at, created_at);
  });

  test("a phone that is there attaches: 200, no field changes, every list is shown", async () => {
    const body = lead({ email: "first@example.com", notes: "first", tags: ["a"], metadata: { n: 1 } });
    const first = (await post(body)).json();
    const { id: otherList } = await createList(tenant.ctx, { name: "Fair" });
    const again = {
      ...body,
      list_id: otherList,
      name: "Other",
      email: "second@example.com",
      status: "Converted",
      notes: "second",
      tags: ["b"],
      metadata: { n: 2 },
    };
    const response = await post(again);
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { ...first, existed: true, list_ids: [listId, otherList] });
    assert.deepEqual((await post(again)).json(), response.json(), "attaching again changes nothing");
  });

  test("200 identical requests at once: one 201, 199 times 200, one row", async () => {
    for (const extra of [{}, { tags: ["burst"], email: "burst@example.com" }]) {
      const body = lead(extra);
      const responses = await Promise.all(Array.from({ length: 200 }, () => post(body)));
      assert.equal(responses.filter(({ statusCode }) => statusCode === 201).length, 1);
      assert.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 199);
      assert.equal(new Set(responses.map((response) => response.json().id)).size, 1);
      const { rows } = await world.house.db.pool.query(
        "select (select count(*) from leads where workspace_id = $1 and phone = $2) as leads, (select count(*) from events where workspace_id = $1 and subject_id = $3) as events",
        [tenant.workspace.id, body.phone_number, responses[0]?.json().id],
      );
      assert.deepEqual(rows, [{ leads: 1, events: 1 }]);
    }
  });

  test("an email that is another lead's key stays a plain attribute of the new one", async () => {
    const email = "shared@example.com";
    const first = (await post(lead({ email }))).json();
    const second = (await post(lead({ email }))).json();
    assert.notEqual(first.id, second.id);
    assert.equal(second.email, email);
    const { rows } = await world.house.db.pool.query(
      "select lead_id from lead_keys where workspace_id = $1 and kind = 'email' and value = $2",
      [tenant.workspace.id, email],
    );
    assert.deepEqual(rows, [{ lead_id: first.id }]);
  });

  test("every bad field at once, and nothing is written", async () => {
    const before = await counts();
    const problem = assertProblem(await post({ name: "", phone_number: "050-123", email: "nope", status: "Hot" }), 400, "validation_error");
    assert.equal(problem.title, "Invalid request body");
    assert.deepEqual((problem.errors as Array<{ path: string; code: string }>).map((error) => [error.path, error.code]).sort(), [
      ["email", "invalid_format"],
      ["list_id", "required"],
      ["name", "too_small"],
      ["phone_number", "invalid_phone_number"],
      ["status", "invalid_enum_value"],
    ]);
    assert.deepEqual(await counts(), before);
  });

  const BAD: Array<[string, Record<string, unknown>, string]> = [
    ["name missing", { name: undefined }, "name"],
    ["name null", { name: null }, "name"],
    ["name of a wrong type", { name: 7 }, "name"],
    ["name too long", { name: "x".repeat(501) }, "name"],
    ["phone missing", { phone_number: undefined }, "phone_number"],
    ["phone null", { phone_number: null }, "phone_number"],
    ["phone a number", { phone_number: 972501234567 }, "phone_number"],
    ["phone without plus", { phone_number: "972501234567" }, "phone_number"],
    ["phone with 8 digits", { phone_number: "+12345678" }, "phone_number"],
    ["phone with 16 digits", { phone_number: "+1234567890123456" }, "phone_number"],
    ["phone of a country that does not exist", { phone_number: "+999123456789" }, "phone_number"],
    ["phone in Arabic digits", { phone_number: "+٩٧٢٥٠١٢٣٤٥٦٧" }, "phone_number"],
    ["phone with a line break", { phone_number: "+972501234567\n" }, "phone_number"],
    ["list_id no uuid", { list_id: "abc" }, "list_id"],
    ["list_id a urn", { list_id: `urn:uuid:${listId}` }, "list_id"],
    ["list_id null", { list_id: null }, "list_id"],
    ["email null", { email: null }, "email"],
    ["email too long", { email: `${"x".repeat(250)}@example.com` }, "email"],
    ["status in lower case", { status: "new" }, "status"],
    ["notes of a wrong type", { notes: {} }, "notes"],
    ["notes too long", { notes: "x".repeat(20_001) }, "notes"],
    ["tags no array", { tags: "vip" }, "tags"],
    ["an empty tag", { tags: ["ok", ""] }, "tags.1"],
    ["a tag that is no text", { tags: [1] }, "tags.0"],
    ["too many tags", { tags: Array.from({ length: 101 }, (_, index) => `t${index}`) }, "tags"],
    ["metadata an array", { metadata: [] }, "metadata"],
    ["metadata null", { metadata: null }, "metadata"],
  ];
  for (const [what, overrides, path] of BAD) {
    test(`${what}: 400 names ${path}, and nothing is written`, async () => {
      const before = await counts();
      const problem = assertProblem(await post(lead(overrides)), 400, "validation_error");
      assert.deepEqual(
        (problem.errors as Array<{ path: string }>).map((error) => error.path),
        [path],
      );
      assert.deepEqual(await counts(), before);
    });
  }

  test("a number is one lead's however its trunk zero is written", async () => {
    const phone = nextPhone();
    const first = (await post(lead({ phone_number: phone }))).json();
    const again = await post(lead({ phone_number: phone.replace("+972", "+9720") }));
    assert.deepEqual([again.statusCode, again.json().id, again.json().phone_number], [200, first.id, phone]);
    assert.equal((await get(`/v1/leads?phone=${encodeURIComponent(phone.replace("+972", "+9720"))}`)).json().items[0].id, first.id);
  });

  test("a number that cannot be dialled is named beside what the schema refuses", async () => {
    const problem = assertProblem(await post({ name: "", phone_number: "+999123456789" }), 400, "validation_error");
    assert.deepEqual((problem.errors as Array<{ path: string }>).map((error) => error.path).sort(), ["list_id", "name", "phone_number"]);
  });

  test("half a million wrong items are refused at once and briefly", async () => {
    const body = `{"name":"x","tags":[${"1,".repeat(450_000)}1]}`;
    const response = await send(world, "POST", "/v1/leads", { token, body });
    assertProblem(response, 400, "validation_error");
    assert.ok(response.body.length < 2_000);
  });

  test("what no route takes is refused in the dialect's envelope before its body is read", async () => {
    for (const [method, url, status, slug] of [
      ["POST", "/v1/nope", 404, "not_found"],
      ["PUT", "/v1/leads", 405, "method_not_allowed"],
    ] as const) {
      assertProblem(await send(world, method, url, { body: "{" }), status, slug);
      assertProblem(await send(world, method, url, { body: "x".repeat(2_000_000), headers: { "content-type": "text/csv" } }), status, slug);
    }
  });

  test("an unknown list and another account's list are both 404, and nothing is written", async () => {
    const before = await counts();
    const theirs = await rowCounts(world.house, stranger.workspace.id);
    for (const list_id of ["3c90c3cc-0d44-4b50-8888-8dd25736052b", foreignListId]) {
      assert.equal(assertProblem(await post(lead({ list_id })), 404, "not_found").detail, "List not found.");
      assertProblem(await post(lead({ list_id, tags: ["never"] })), 404, "not_found");
    }
    assert.deepEqual(await counts(), before);
    assert.deepEqual(await rowCounts(world.house, stranger.workspace.id), theirs);
  });

  test("odd but real text comes back as it was sent", async () => {
    const name = "\u200fדנה 👩‍👩‍👧 O’Neil\t\u{1F600} ﷽";
    const metadata = { ключ: ["\u2028", "e\u0301", { "": null }], "a.b": 1e-7 };
    const made = (await post(lead({ name, metadata, tags: ["טכנולוגיה", "naïve"] }))).json();
    const { name: storedName, metadata: storedMetadata, tags } = (await get(`/v1/leads/${made.id}`)).json();
    assert.deepEqual([storedName, storedMetadata, tags], [name, metadata, ["טכנולוגיה", "naïve"]]);
  });

  test("a list id in capitals is the same list", async () => {
    assert.deepEqual((await post(lead({ list_id: listId.toUpperCase() }))).json().list_ids, [listId]);
  });

  testFaults(
    world,
    tenant,
    "topcalls",
    { method: "POST", url: "/v1/leads", body: lead(), scope: "leads:write", wrongMethod: "PUT" },
    expectFault,
  );
});

describe("GET /v1/leads (topcalls 4.3)", () => {
  test("pages through everything once, newest first, whatever arrives meanwhile", async () => {
    const fresh = await world.tenant();
    const key = (await fresh.key("topcalls")).token;
    const { id } = await createList(fresh.ctx, { name: "Paging" });
    const made: string[] = [];
    for (let index = 0; index < 7; index++) {
      made.unshift((await send(world, "POST", "/v1/leads", { token: key, body: lead({ list_id: id }) })).json().id);
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "" : `&cursor=${cursor}`;
      const page = (await send(world, "GET", `/v1/leads?limit=3${query}`, { token: key })).json();
      seen.push(...page.items.map((item: { id: string }) => item.id));
      assert.equal(page.has_more, page.next_cursor !== null);
      cursor = page.next_cursor;
      await send(world, "POST", "/v1/leads", { token: key, body: lead({ list_id: id }) });
    } while (cursor !== null);
    assert.deepEqual(seen, made);
  });

  test("filters by phone, list, status and tag, and combines them", async () => {
    const { id: list } = await createList(tenant.ctx, { name: "Filters" });
    const a = (await post(lead({ list_id: list, tags: ["x"], status: "Contacted" }))).json();
    const b = (await post(lead({ list_id: list, tags: ["x", "y"] }))).json();
    const ids = async (query: string) => (await get(`/v1/leads?${query}`)).json().items.map((item: { id: string }) => item.id);
    assert.deepEqual(await ids(`phone=${encodeURIComponent(a.phone_number)}`), [a.id]);
    assert.deepEqual(await ids(`list_id=${list}`), [b.id, a.id]);
    assert.deepEqual(await ids(`list_id=${list}&status=Contacted`), [a.id]);
    assert.deepEqual(await ids(`list_id=${list}&tag=y`), [b.id]);
    assert.deepEqual(await ids(`list_id=${list}&tag=y&status=Contacted`), []);
    assert.deepEqual(await ids(`list_id=${foreignListId}`), []);
    assert.deepEqual(await ids("phone=%2B972599999999"), []);
  });

  for (const query of ["limit=0", "limit=201", "limit=x", "phone=123", "list_id=1", "status=Nope", "tag=", "cursor=???", "cursor=AAAA"]) {
    test(`?${query} is refused`, async () => {
      const problem = assertProblem(await get(`/v1/leads?${query}`), 400, "validation_error");
      assert.deepEqual(
        (problem.errors as Array<{ path: string }>).map((error) => error.path),
        [query.split("=")[0]],
      );
    });
  }

  testFaults(world, tenant, "topcalls", { method: "GET", url: "/v1/leads", scope: "leads:read" }, expectFault);
});

describe("GET /v1/leads/{id} (topcalls 4.4)", () => {
  test("an id that is unknown, or another account's, is 404; one that is no uuid is 400", async () => {
    const { id: theirs } = (
      await send(world, "POST", "/v1/leads", { token: (await stranger.key("topcalls")).token, body: lead({ list_id: foreignListId }) })
    ).json();
    assertProblem(await get("/v1/leads/3c90c3cc-0d44-4b50-8888-8dd25736052b"), 404, "not_found");
    assertProblem(await get(`/v1/leads/${theirs}`), 404, "not_found");
    assertProblem(await get("/v1/leads/17"), 400, "validation_error");
    assertProblem(await get("/v1/leads/%00"), 400, "validation_error");
    assertProblem(await get("/v1/leads/%zz"), 400, "validation_error");
  });

  testFaults(
    world,
    tenant,
    "topcalls",
    { method: "GET", url: "/v1/leads/3c90c3cc-0d44-4b50-8888-8dd25736052b", scope: "leads:read", wrongMethod: "POST" },
    expectFault,
  );
});

describe("/v1/lists (our extension: topcalls 13)", () => {
  test("a list is made once by its name, also at once, and counts its leads", async () => {
    const responses = await Promise.all(
      Array.from({ length: 20 }, () => send(world, "POST", "/v1/lists", { token, body: { name: " Spring fair " } })),
    );
    const made = responses.filter(({ statusCode }) => statusCode === 201);
    assert.equal(made.length, 1);
    for (const response of responses) if (response.statusCode !== 201) assertProblem(response, 409, "conflict");
    const list = made[0]?.json();
    assert.equal(list.name, "Spring fair");
    await post(lead({ list_id: list.id }));
    await post(lead({ list_id: list.id }));
    const { items } = (await get("/v1/lists?limit=200")).json();
    assert.equal(items.find((item: { id: string }) => item.id === list.id).lead_count, 2);
    assert.ok(!items.some((item: { id: string }) => item.id === foreignListId));
  });

  for (const name of [undefined, null, "", "   ", 5, "x".repeat(201)]) {
    test(`name ${JSON.stringify(name)?.slice(0, 20)} is refused`, async () => {
      const problem = assertProblem(await send(world, "POST", "/v1/lists", { token, body: { name } }), 400, "validation_error");
      assert.deepEqual(
        (problem.errors as Array<{ path: string }>).map((error) => error.path),
        ["name"],
      );
    });
  }

  testFaults(
    world,
    tenant,
    "topcalls",
    { method: "POST", url: "/v1/lists", body: { name: "Faults" }, scope: "lists:write", wrongMethod: "DELETE" },
    expectFault,
  );
  testFaults(world, tenant, "topcalls", { method: "GET", url: "/v1/lists", scope: "lists:read" }, expectFault);
});

test("more requests than the key may send are refused, with the time to wait", async () => {
  const limited = await startWorld({ environment: { RATE_LIMIT_PER_MINUTE: "3" } });
  const key = (await (await limited.tenant()).key("topcalls")).token;
  const responses = [];
  for (let index = 0; index < 5; index++) responses.push(await send(limited, "GET", "/v1/leads", { token: key }));
  assert.deepEqual(
    responses.map(({ statusCode }) => statusCode),
    [200, 200, 200, 429, 429],
  );
  assert.deepEqual(
    responses.map(({ headers }) => headers["x-ratelimit-remaining"]),
    ["2", "1", "0", "0", "0"],
  );
  const refused = responses[4] as LightMyRequestResponse;
  assertProblem(refused, 429, "rate_limited");
  const wait = Number(refused.headers["retry-after"]);
  assert.ok(wait >= 1 && wait <= 60);
});
