import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { createList } from "../../../src/core/lists/createList.ts";
import { testFaults } from "../../support/faults.ts";
import { rowCounts, send, startWorld, type Tenant } from "../../support/world.ts";
import { expectLaravel, makeCampaign, nextPhone } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("aiployees");
const campaign = await makeCampaign(tenant.ctx);

const post = (body: unknown, key = token) => send(world, "POST", "/api/user/lead", { token: key, body });
const create = async (body: unknown) => {
  const response = await post(body);
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data;
};
const lead = (overrides: Record<string, unknown> = {}) => ({ phone_number: nextPhone(), campaign_id: campaign.number, ...overrides });

/** Asserts a refusal that leaves no row behind. */
async function refused(body: unknown, status: number, expected: unknown, of: Tenant = tenant): Promise<void> {
  const before = await rowCounts(world.house, of.workspace.id);
  const response = await post(body);
  assert.equal(response.statusCode, status, response.body);
  assert.deepEqual(response.json(), expected);
  assert.deepEqual(await rowCounts(world.house, of.workspace.id), before, "something was written");
}

const leadRow = async (phone: string) => {
  const { rows } = await world.house.db.pool.query(
    "select id, name, first_name, last_name, email, owns_phone from leads where workspace_id = $1 and phone = $2",
    [tenant.workspace.id, phone],
  );
  assert.equal(rows.length, 1);
  return rows[0];
};

describe("POST /api/user/lead (seed, aiployees 4.1)", () => {
  test("the document's example: 200, ids in the order of the request, every field as it is shown", async () => {
    const response = await post({
      phone_number: "+1234567890",
      campaign_id: campaign.number,
      variables: { customer_name: "John Doe", email: "john.doe@example.com" },
      allow_dupplicate: true,
      secondary_contacts: [
        { phone_number: "+1234567891", variables: { customer_name: "Jane Doe Secondary", email: "jane.doe.secondary@example.com" } },
        { phone_number: "+1234567892", variables: { customer_name: "Bob Doe Office", email: "bob.doe.office@example.com" } },
      ],
    });
    assert.equal(response.statusCode, 200, response.body);
    const { message, data } = response.json();
    assert.equal(message, "Lead created successfully");
    const { id, created_at: at } = data;
    assert.ok(Number.isInteger(id) && id > 0);
    assert.match(at, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    assert.ok(Math.abs(Date.parse(`${at}Z`) - Date.now()) < 60_000, "the time is in UTC");
    assert.deepEqual(data, {
      id,
      campaign_id: campaign.number,
      phone_number: "+1234567890",
      variables: { customer_name: "John Doe", email: "john.doe@example.com" },
      status: "created",
      created_at: at,
      updated_at: at,
      campaign: { id: campaign.number, name: "My new campaign" },
      secondary_contacts: [
        {
          id: id + 1,
          phone_number: "+1234567891",
          variables: { customer_name: "Jane Doe Secondary", email: "jane.doe.secondary@example.com" },
          status: "created",
          created_at: at,
          updated_at: at,
        },
        {
          id: id + 2,
          phone_number: "+1234567892",
          variables: { customer_name: "Bob Doe Office", email: "bob.doe.office@example.com" },
          status: "created",
          created_at: at,
          updated_at: at,
        },
      ],
    });
  });

  test("without variables and secondary contacts: {} and []", async () => {
    const data = await create(lead());
    assert.deepEqual(data.variables, {});
    assert.deepEqual(data.secondary_contacts, []);
  });

  test("variables keep their names, types and depth, and read back the same (aiployees 4.1)", async () => {
    const variables = {
      " spaced ": " kept ",
      n: 1.5,
      yes: true,
      no: false,
      none: null,
      "ключ 🔑": "стойност",
      deep: { list: [1, "a", { b: null }] },
    };
    const phone = nextPhone();
    assert.deepEqual((await create(lead({ phone_number: phone, variables }))).variables, variables);
    const listed = await send(world, "GET", `/api/user/leads?phone_number=${encodeURIComponent(phone)}`, { token });
    assert.deepEqual(listed.json().data[0].variables, variables);
  });

  test("variables may come as an array of one object or an empty array (aiployees 20.4)", async () => {
    const data = await create(
      lead({ variables: [{ customer_name: "Ana" }], secondary_contacts: [{ phone_number: nextPhone(), variables: [] }] }),
    );
    assert.deepEqual(data.variables, { customer_name: "Ana" });
    assert.deepEqual(data.secondary_contacts[0].variables, {});
  });

  test("a number may have spaces, dashes, dots and parentheses; what is kept is E.164 (aiployees 1.7)", async () => {
    const data = await create(lead({ phone_number: " +359 (88) 777-12.34 ", secondary_contacts: [{ phone_number: "+359-88-777-1235" }] }));
    assert.equal(data.phone_number, "+359887771234");
    assert.equal(data.secondary_contacts[0].phone_number, "+359887771235");
  });

  test("a campaign id may be a numeric string, null in an optional field is no value, and unknown fields are ignored", async () => {
    const data = await create(
      lead({ campaign_id: ` ${campaign.number} `, variables: null, allow_dupplicate: null, secondary_contacts: null, folder: "x" }),
    );
    assert.equal(data.campaign_id, campaign.number);
  });

  test("exactly ten secondary contacts are taken, with ascending ids", async () => {
    const secondary_contacts = Array.from({ length: 10 }, () => ({ phone_number: nextPhone() }));
    const data = await create(lead({ secondary_contacts }));
    const ids = data.secondary_contacts.map((contact: { id: number }) => contact.id);
    assert.deepEqual(
      ids,
      Array.from({ length: 10 }, (_, index) => data.id + 1 + index),
    );
    assert.deepEqual(
      data.secondary_contacts.map((contact: { phone_number: string }) => contact.phone_number),
      secondary_contacts.map(({ phone_number }) => phone_number),
    );
  });
});

describe("duplicates in a campaign (aiployees 4.1, 20.3)", () => {
  const duplicate = {
    message: "Lead already exists in this campaign",
    errors: { phone_number: ["Lead already exists in this campaign"] },
  };

  test("the same phone again is refused, however it is written, and its secondary contacts are not made", async () => {
    await create(lead({ phone_number: "+359889990001" }));
    await refused(lead({ phone_number: "+359 88 999-0001", secondary_contacts: [{ phone_number: nextPhone() }] }), 422, duplicate);
    await refused(lead({ phone_number: "+359889990001", allow_dupplicate: false }), 422, duplicate);
  });

  for (const [name, value] of [
    ["allow_dupplicate", true],
    ["allow_dupplicate", 1],
    ["allow_dupplicate", "1"],
    ["allow_duplicate", true],
  ] as const) {
    test(`${name}: ${JSON.stringify(value)} lets it in beside the first`, async () => {
      const phone_number = nextPhone();
      const first = await create(lead({ phone_number }));
      const second = await create(lead({ phone_number, [name]: value }));
      assert.notEqual(first.id, second.id);
      await refused(lead({ phone_number }), 422, duplicate);
    });
  }

  test("a permitted duplicate that comes first keeps the place: one without permission is refused after it", async () => {
    const phone_number = nextPhone();
    await create(lead({ phone_number, allow_dupplicate: true }));
    await refused(lead({ phone_number }), 422, duplicate);
  });

  test("only primary contacts count, and only within the campaign", async () => {
    const phone_number = nextPhone();
    const other = await makeCampaign(tenant.ctx, "Other");
    await create(lead({ secondary_contacts: [{ phone_number }] }));
    await create(lead({ phone_number }));
    await create(lead({ phone_number, campaign_id: other.number }));
    await create(lead({ secondary_contacts: [{ phone_number }] }));
  });

  test("100 at once of one phone: one is let in", async () => {
    const body = lead({ secondary_contacts: [{ phone_number: nextPhone() }] });
    const before = await rowCounts(world.house, tenant.workspace.id);
    const responses = await Promise.all(Array.from({ length: 100 }, () => post(body)));
    assert.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 1);
    for (const response of responses.filter(({ statusCode }) => statusCode !== 200)) {
      assert.equal(response.statusCode, 422);
      assert.deepEqual(response.json(), duplicate);
    }
    const after = await rowCounts(world.house, tenant.workspace.id);
    assert.equal((after.campaign_contacts ?? 0) - (before.campaign_contacts ?? 0), 2);
    assert.equal((after.leads ?? 0) - (before.leads ?? 0), 2);
    assert.equal((after.events ?? 0) - (before.events ?? 0), 4);
  });

  test("100 at once that allow duplicates: 100 contacts, one person, one of them the first", async () => {
    const body = lead({ allow_dupplicate: true });
    const responses = await Promise.all(Array.from({ length: 100 }, () => post(body)));
    assert.deepEqual([...new Set(responses.map(({ statusCode }) => statusCode))], [200]);
    assert.equal(new Set(responses.map((response) => response.json().data.id)).size, 100);
    const { rows } = await world.house.db.pool.query(
      `select count(*) as contacts, count(distinct lead_id) as people, count(*) filter (where is_first) as first
       from campaign_contacts where workspace_id = $1 and phone = $2`,
      [tenant.workspace.id, body.phone_number],
    );
    assert.deepEqual(rows[0], { contacts: 100, people: 1, first: 1 });
  });

  test("100 at once, half of them allowing duplicates: every one of those and at most one other", async () => {
    const body = lead();
    const responses = await Promise.all(Array.from({ length: 100 }, (_, index) => post({ ...body, allow_dupplicate: index % 2 === 0 })));
    const allowed = responses.filter((_, index) => index % 2 === 0);
    const others = responses.filter((_, index) => index % 2 === 1);
    assert.equal(allowed.filter(({ statusCode }) => statusCode === 200).length, 50);
    assert.ok(others.filter(({ statusCode }) => statusCode === 200).length <= 1);
    assert.ok(others.every(({ statusCode }) => statusCode === 200 || statusCode === 422));
  });
});

describe("the person behind a contact (design 3)", () => {
  test("a new phone makes a lead with the name and email of its variables", async () => {
    const phone = nextPhone();
    await create(lead({ phone_number: phone, variables: { customer_name: " Мария Петрова ", email: "Maria@Example.com" } }));
    const { name, email, owns_phone } = await leadRow(phone);
    assert.deepEqual({ name, email, owns_phone }, { name: "Мария Петрова", email: "maria@example.com", owns_phone: true });
  });

  test("name, or first_name and last_name, serve when there is no customer_name", async () => {
    const [one, two] = [nextPhone(), nextPhone()];
    await create(lead({ phone_number: one, variables: { name: "Ana B", first_name: "Ana" } }));
    await create(lead({ phone_number: two, variables: { first_name: "Ana", last_name: "Banks" } }));
    assert.equal((await leadRow(one)).name, "Ana B");
    const { name, first_name, last_name } = await leadRow(two);
    assert.deepEqual({ name, first_name, last_name }, { name: "Ana Banks", first_name: "Ana", last_name: "Banks" });
  });

  test("what is no name or no email stays a variable only", async () => {
    const phone = nextPhone();
    const variables = { customer_name: 7, name: "x".repeat(501), email: "not an address" };
    assert.deepEqual((await create(lead({ phone_number: phone, variables }))).variables, variables);
    const { name, email } = await leadRow(phone);
    assert.deepEqual({ name, email }, { name: "", email: null });
  });

  test("a lead posted here is what topcalls reads, once; one posted there is the person here, and keeps its name", async () => {
    const { token: topcalls } = await tenant.key("topcalls");
    const find = async (phone: string) =>
      (await send(world, "GET", `/v1/leads?phone=${encodeURIComponent(phone)}`, { token: topcalls })).json().items;
    const here = "+359888123456";
    await create(lead({ phone_number: here, variables: { customer_name: "Here First" } }));
    const [read, ...more] = await find(here);
    assert.equal(more.length, 0);
    assert.equal(read.name, "Here First");

    const there = "+359888123457";
    const { id: list_id } = await createList(tenant.ctx, { name: "Web" });
    const posted = await send(world, "POST", "/v1/leads", {
      token: topcalls,
      body: { name: "There First", phone_number: there, list_id },
    });
    assert.equal(posted.statusCode, 201, posted.body);
    const { id: contactNumber } = await create(
      lead({ phone_number: there, variables: { customer_name: "Here Later", email: "late@example.com" } }),
    );
    const { rows } = await world.house.db.pool.query("select lead_id from campaign_contacts where workspace_id = $1 and number = $2", [
      tenant.workspace.id,
      contactNumber,
    ]);
    assert.equal(rows[0].lead_id, posted.json().id);
    const again = await find(there);
    assert.equal(again.length, 1);
    assert.deepEqual([again[0].name, again[0].email], ["There First", null]);
  });

  test("another workspace's lead with the phone is another person", async () => {
    const other = await world.tenant();
    const otherCampaign = await makeCampaign(other.ctx);
    const { token: otherToken } = await other.key("aiployees");
    const phone_number = nextPhone();
    await create(lead({ phone_number }));
    const response = await post({ phone_number, campaign_id: otherCampaign.number }, otherToken);
    assert.equal(response.statusCode, 200, response.body);
    const { rows } = await world.house.db.pool.query("select count(distinct lead_id) as people from campaign_contacts where phone = $1", [
      phone_number,
    ]);
    assert.equal(rows[0].people, 2);
  });
});

describe("Do-Not-Call at intake (aiployees 4.5, 18)", () => {
  test("a blocked number is stored as blacklisted; the others of the request are not", async () => {
    const [primary, secondary] = [nextPhone(), nextPhone()];
    await addDncEntry(tenant.ctx, { phone: secondary, source: "manual" });
    const data = await create(lead({ phone_number: primary, secondary_contacts: [{ phone_number: secondary }] }));
    assert.equal(data.status, "created");
    assert.equal(data.secondary_contacts[0].status, "blacklisted");
    await addDncEntry(tenant.ctx, { phone: primary, source: "manual" });
    assert.equal((await create(lead({ phone_number: primary, allow_dupplicate: true }))).status, "blacklisted");
  });

  test("an entry for other agents, an expired one, or another workspace's does not block", async () => {
    const [ofOther, ofOurs, expired, foreign] = [nextPhone(), nextPhone(), nextPhone(), nextPhone()];
    const otherCampaign = await makeCampaign(tenant.ctx, "Other agent's");
    await addDncEntry(tenant.ctx, { phone: ofOther, source: "manual", agentIds: [otherCampaign.agent_id] });
    await addDncEntry(tenant.ctx, { phone: ofOurs, source: "manual", agentIds: [campaign.agent_id] });
    await addDncEntry(tenant.ctx, { phone: expired, source: "manual" });
    await world.house.db.pool.query(
      "update dnc_entries set expires_at = now() - interval '1 minute' where workspace_id = $1 and phone = $2",
      [tenant.workspace.id, expired],
    );
    await addDncEntry((await world.tenant()).ctx, { phone: foreign, source: "manual" });
    assert.equal((await create(lead({ phone_number: ofOther }))).status, "created");
    assert.equal((await create(lead({ phone_number: ofOther, campaign_id: otherCampaign.number }))).status, "blacklisted");
    assert.equal((await create(lead({ phone_number: ofOurs }))).status, "blacklisted");
    assert.equal((await create(lead({ phone_number: expired }))).status, "created");
    assert.equal((await create(lead({ phone_number: foreign }))).status, "created");
  });
});

describe("bad input (aiployees 1.3): 422 names every field, nothing is written", () => {
  const invalid = (errors: Record<string, string[]>) => ({ message: "The given data was invalid.", errors });
  const required = { phone_number: ["The phone number field is required."], campaign_id: ["The campaign id field is required."] };

  test("nothing at all", () => refused({}, 422, invalid(required)));
  test("no body", () => refused(undefined, 422, invalid(required)));
  test("null, and blank strings", async () => {
    await refused({ phone_number: null, campaign_id: null }, 422, invalid(required));
    await refused({ phone_number: "  ", campaign_id: "" }, 422, invalid(required));
  });

  test("wrong types, in every field at once", () =>
    refused(
      {
        phone_number: 359888123456,
        campaign_id: 12.5,
        variables: "x",
        allow_dupplicate: "yes",
        allow_duplicate: 2,
        secondary_contacts: [{ phone_number: false, variables: 5 }, "x", { variables: ["y"] }, null],
      },
      422,
      invalid({
        phone_number: ["The phone number must be a string."],
        campaign_id: ["The campaign id must be an integer."],
        variables: ["The variables must be an array."],
        allow_dupplicate: ["The allow dupplicate field must be true or false."],
        allow_duplicate: ["The allow duplicate field must be true or false."],
        "secondary_contacts.0.phone_number": ["The secondary_contacts.0.phone_number must be a string."],
        "secondary_contacts.0.variables": ["The secondary_contacts.0.variables must be an array."],
        "secondary_contacts.1": ["The secondary_contacts.1 must be an array."],
        "secondary_contacts.2.phone_number": ["The secondary_contacts.2.phone_number field is required."],
        "secondary_contacts.2.variables.0": ["The secondary_contacts.2.variables.0 must be an array."],
        "secondary_contacts.3": ["The secondary_contacts.3 must be an array."],
      }),
    ));

  for (const bad of [
    "0888123456",
    "1234567890",
    "+0123456789",
    "+1234567",
    "+1234567890123456",
    "+12345abc67890",
    "++1234567890",
    "+１２３４５６７８９０",
    `+1${" ".repeat(60)}234567890`,
    "+",
    "🤖",
  ]) {
    test(`phone number ${JSON.stringify(bad)} (aiployees 1.7, 4.1)`, () =>
      refused(lead({ phone_number: bad }), 422, { message: "Invalid phone number", errors: { phone_number: ["Invalid phone number"] } }));
  }

  test("bad numbers of secondary contacts, and another field beside them", async () => {
    await refused(lead({ secondary_contacts: [{ phone_number: nextPhone() }, { phone_number: "0888" }] }), 422, {
      message: "Invalid phone number",
      errors: { "secondary_contacts.1.phone_number": ["Invalid phone number"] },
    });
    await refused(
      { phone_number: "0888" },
      422,
      invalid({ phone_number: ["Invalid phone number"], campaign_id: ["The campaign id field is required."] }),
    );
  });

  test("more than ten secondary contacts", () =>
    refused(
      lead({ secondary_contacts: Array.from({ length: 11 }, () => ({ phone_number: nextPhone() })) }),
      422,
      invalid({ secondary_contacts: ["The secondary contacts may not have more than 10 items."] }),
    ));

  test("a secondary contact equal to the primary one, or repeated, however it is written (aiployees 4.6)", async () => {
    const [one, two] = [nextPhone(), nextPhone()];
    await refused(
      lead({
        phone_number: one,
        secondary_contacts: [{ phone_number: two }, { phone_number: `${two.slice(0, 5)} ${two.slice(5)}` }, { phone_number: one }],
      }),
      422,
      invalid({
        "secondary_contacts.1.phone_number": ["The secondary_contacts.1.phone_number field has a duplicate value."],
        "secondary_contacts.2.phone_number": ["The secondary_contacts.2.phone_number and phone number must be different."],
      }),
    );
  });

  test("variables: two objects, too many, too large, a blank or too long name", async () => {
    await refused(lead({ variables: [{}, {}] }), 422, invalid({ variables: ["The variables may not have more than 1 items."] }));
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`v${index}`, index]));
    await refused(lead({ variables: many }), 422, invalid({ variables: ["There may not be more than 100 variables."] }));
    await refused(
      lead({ variables: { text: "ш".repeat(8_192) } }),
      422,
      invalid({ variables: ["The variables may not be larger than 16384 bytes of JSON."] }),
    );
    await refused(lead({ variables: { " ": 1 } }), 422, invalid({ variables: ["A variable's name must have 1 to 100 characters."] }));
    await refused(
      lead({ secondary_contacts: [{ phone_number: nextPhone(), variables: { ["n".repeat(101)]: 1 } }] }),
      422,
      invalid({ "secondary_contacts.0.variables": ["A variable's name must have 1 to 100 characters."] }),
    );
  });

  test("a body of thousands of wrong items names the first hundred", async () => {
    const response = await post({ phone_number: "x", secondary_contacts: Array.from({ length: 20_000 }, () => 1) });
    assert.equal(response.statusCode, 422);
    assert.ok(Object.keys(response.json().errors).length <= 100);
  });

  test("a campaign that is not there, and another workspace's, are the same 404", async () => {
    const foreign = await makeCampaign((await world.tenant()).ctx);
    for (const campaign_id of [foreign.number, 999_999_999, 0, -1, Number.MAX_SAFE_INTEGER, "999999999"]) {
      await refused(lead({ campaign_id, secondary_contacts: [{ phone_number: nextPhone() }] }), 404, { message: "Campaign not found" });
    }
    await refused(
      lead({ campaign_id: 1e300 }),
      422,
      invalid({ campaign_id: ["The campaign id may not be greater than 9007199254740991."] }),
    );
  });
});

describe("faults (aiployees 1.3)", () => {
  testFaults(
    world,
    tenant,
    "aiployees",
    { method: "POST", url: "/api/user/lead", body: lead(), scope: "leads:write", wrongMethod: "GET" },
    expectLaravel("api/user/lead", { wrong: "GET", supported: "POST" }),
  );

  test("the document prints /user/lead relative to /api: without it, it is not this dialect's", async () => {
    const response = await send(world, "POST", "/user/lead", { token, body: lead() });
    assert.equal(response.statusCode, 404);
  });
});
