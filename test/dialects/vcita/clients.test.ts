import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createList } from "../../../src/core/lists/createList.ts";
import { send, startWorld } from "../../support/world.ts";
import { client, clients, conversations, lead, newEmail, newPhone } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("vcita");
const find = (query: Record<string, string>) => clients(world, token, `?${new URLSearchParams(query)}`);
const ids = async (query: Record<string, string>) => (await find(query)).map(({ id }) => id);

describe("GET /platform/v1/clients (vcita 6)", () => {
  test("newest first, in pages, each with its business", async () => {
    const alone = await world.tenant();
    const key = await alone.key("vcita");
    const made: string[] = [];
    for (let count = 0; count < 5; count++) made.push((await lead(world, key.token)).uid);
    made.reverse();
    const page = async (query: string) => (await clients(world, key.token, query)).map(({ id }) => id);
    assert.deepEqual(await page(""), made);
    assert.deepEqual(await page("?per_page=2"), made.slice(0, 2));
    assert.deepEqual(await page("?per_page=2&page=2"), made.slice(2, 4));
    assert.deepEqual(await page("?per_page=2&page=3"), made.slice(4));
    assert.deepEqual(await page("?per_page=2&page=4"), []);
    assert.equal((await clients(world, key.token))[0]?.business_uid, alone.workspace.uid);
  });

  test("search_by email: the one client that the email identifies, in any case", async () => {
    const email = newEmail();
    const { uid } = await lead(world, token, { email });
    await lead(world, token, { identifier_type: "unique_id", unique_id: `u-${email}`, email });
    assert.deepEqual(await ids({ search_by: "email", search_term: email.toUpperCase() }), [uid]);
    assert.deepEqual(await ids({ search_by: "email", search_term: "nobody@example.com" }), []);
  });

  test("search_by phone: everybody with the number, however it is written", async () => {
    const phone = newPhone();
    const first = await lead(world, token, { phone });
    const second = await lead(world, token, { phone: phone.replace("+972", "0") });
    await lead(world, token, { phone: newPhone() });
    assert.deepEqual(await ids({ search_by: "phone", search_term: phone }), [second.uid, first.uid]);
    assert.deepEqual(await ids({ search_by: "phone", search_term: phone.replace("+972", "0") }), [second.uid, first.uid]);
    assert.deepEqual(await ids({ search_by: "phone", search_term: "ask for Jane" }), []);
  });

  test("search_by phone finds what is no number exactly as it was typed", async () => {
    const { uid } = await lead(world, token, { phone: "*2701 ext. 5" });
    assert.deepEqual(await ids({ search_by: "phone", search_term: "*2701 ext. 5" }), [uid]);
    assert.deepEqual(await ids({ search_by: "phone", search_term: "*2701" }), []);
  });

  test("search_by uid", async () => {
    const { uid } = await lead(world, token);
    assert.deepEqual(await ids({ search_by: "uid", search_term: uid }), [uid]);
    assert.deepEqual(await ids({ search_by: "uid", search_term: "0000000000000000" }), []);
    assert.deepEqual(await ids({ search_by: "uid", search_term: "no uid" }), []);
  });

  test("updated_at from and to, with and without search_by", async () => {
    const { uid } = await lead(world, token);
    await world.house.db.pool.query(
      "update leads set updated_at = '2020-05-05T10:00:00Z' where workspace_id = $1 and id = (select max(id::text)::uuid from leads where workspace_id = $1)",
      [tenant.workspace.id],
    );
    const within = { "updated_at[gte]": "2020-05-05T10:00:00Z", "updated_at[lte]": "2020-05-05T13:00:00+03:00" };
    assert.deepEqual(await ids({ search_by: "updated_at", ...within }), [uid]);
    assert.deepEqual(await ids(within), [uid]);
    assert.deepEqual(await ids({ "updated_at[lte]": "2020-05-05T09:59:59Z" }), []);
    assert.deepEqual(await ids({ "updated_at[lte]": "2020-05-06" }), [uid]);
    assert.equal((await client(world, token, uid)).updated_at, "2020-05-05T10:00:00Z");
  });

  test("a search_term alone looks into names, emails and phones", async () => {
    const { uid } = await lead(world, token, { first_name: "Xantippe", last_name: "100%_sure" });
    assert.deepEqual(await ids({ search_term: "xANTIPPE" }), [uid]);
    assert.deepEqual(await ids({ search_term: "0%_s" }), [uid]);
    assert.deepEqual(await ids({ search_term: "0%s" }), []);
  });

  test("a search_term finds a phone as it was typed, which is how it is shown", async () => {
    const number = await lead(world, token, { phone: "050-123 4567" });
    const star = await lead(world, token, { phone: "*2700" });
    assert.deepEqual(await ids({ search_term: "050-123 4" }), [number.uid]);
    assert.deepEqual(await ids({ search_term: "*2700" }), [star.uid]);
    assert.deepEqual(await ids({ search_term: "+97250123" }), [number.uid]);
  });

  test("phone_exists", async () => {
    const alone = await world.tenant();
    const key = await alone.key("vcita");
    const none = await lead(world, key.token);
    const typed = await lead(world, key.token, { phone: "ask" });
    const number = await lead(world, key.token, { phone: newPhone() });
    const page = async (query: string) => (await clients(world, key.token, query)).map(({ id }) => id);
    assert.deepEqual(await page("?phone_exists=true"), [number.uid, typed.uid]);
    assert.deepEqual(await page("?phone_exists=false"), [none.uid]);
  });

  for (const [query, error] of [
    ["?per_page=0", "Parameter per_page must be >= 1"],
    ["?per_page=101&page=0", "Parameter page must be >= 1, Parameter per_page must be <= 100"],
    ["?page=x", "Parameter page must be integer"],
    ["?search_by=name&search_term=x", "Parameter search_by must be one of: email, uid, phone, updated_at"],
    ["?search_by=email", "Mandatory parameter search_term is missing"],
    ["?search_by=email&search_term=%20", "Mandatory parameter search_term is missing"],
    ["?search_by=updated_at", "Mandatory parameter updated_at[gte] is missing"],
    ["?updated_at[gte]=yesterday", "Parameter updated_at[gte] must be a valid date"],
    ["?updated_at[lte]=2016-12-31T23:59:60Z", "Parameter updated_at[lte] must be a valid date"],
    ["?phone_exists=perhaps", "Parameter phone_exists must be boolean"],
    [`?search_term=${"x".repeat(301)}`, "Parameter search_term must have at most 300 characters"],
  ] as const) {
    test(`${query.slice(0, 60)} is refused`, async () => {
      const response = await send(world, "GET", `/platform/v1/clients${query}`, { token });
      assert.equal(response.statusCode, 422);
      assert.deepEqual(response.json(), { status: "Error", error });
    });
  }
});

describe("GET /platform/v1/clients/:id (vcita 6.2)", () => {
  const unknown = async (id: string) => {
    const response = await send(world, "GET", `/platform/v1/clients/${id}`, { token });
    assert.equal(response.statusCode, 422);
    assert.deepEqual(response.json(), { status: "Error", error: "Client not found" });
  };
  test("422 when there is none, be the uid unknown, no uid at all or another tenant's", async () => {
    const other = await world.tenant();
    const { uid } = await lead(world, (await other.key("vcita")).token);
    await unknown(uid);
    await unknown("0000000000000000");
    await unknown("zzzzzzzzzzzzzzzz");
    await unknown("x");
  });
});

describe("leads of the other doors", () => {
  test("a lead posted through POST /v1/leads is a client here, once, and is found again by leadgen", async () => {
    const alone = await world.tenant();
    const topcalls = await alone.key("topcalls");
    const vcita = await alone.key("vcita");
    const { id: listId } = await createList(alone.ctx, { name: "Web leads" });
    const email = newEmail();
    const phone = newPhone();
    const body = { name: "Dana van Levi", phone_number: phone, email, list_id: listId, tags: ["vip"] };
    for (let count = 0; count < 2; count++) await send(world, "POST", "/v1/leads", { token: topcalls.token, body });
    const listed = await clients(world, vcita.token);
    assert.equal(listed.length, 1);
    const { id, first_name, last_name, mobile_phone, customer_status, tags, source } = listed[0] ?? {};
    assert.deepEqual(
      { first_name, last_name, email: listed[0]?.email, mobile_phone, customer_status, tags, source },
      { first_name: "Dana", last_name: "van Levi", email, mobile_phone: phone, customer_status: "lead", tags: ["vip"], source: null },
    );
    assert.deepEqual(await conversations(world, vcita.token, String(id)), []);

    const again = await lead(world, vcita.token, { email, first_name: "Other" });
    assert.equal(again.uid, id);
    assert.equal((await conversations(world, vcita.token, String(id))).length, 1);
    assert.equal((await client(world, vcita.token, again.uid)).first_name, "Dana");
  });

  test("a lead made here by email is the lead that POST /v1/leads finds by its phone", async () => {
    const alone = await world.tenant();
    const topcalls = await alone.key("topcalls");
    const vcita = await alone.key("vcita");
    const { id: listId } = await createList(alone.ctx, { name: "Web leads" });
    const phone = newPhone();
    const { uid } = await lead(world, vcita.token, { phone: phone.replace("+972", "0"), last_name: "Smith" });
    const response = await send(world, "POST", "/v1/leads", {
      token: topcalls.token,
      body: { name: "Dana", phone_number: phone, list_id: listId },
    });
    assert.equal(response.statusCode, 200);
    assert.equal(response.json().name, "Jane Smith");
    assert.deepEqual(
      (await clients(world, vcita.token)).map(({ id }) => id),
      [uid],
    );
  });
});
