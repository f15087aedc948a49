import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { rowCounts, send, startWorld } from "../../support/world.ts";
import { client, conversations, created, lead, messages, newEmail, newPhone, request } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("vcita");
const post = (body: unknown, url = "/platform/v1/leadgen") => send(world, "POST", url, { token, body });

describe("POST /platform/v1/leadgen (vcita 4)", () => {
  test("every field of the seed is stored and read back", async () => {
    const email = newEmail();
    const phone = newPhone();
    const response = await post({
      business_id: tenant.workspace.uid,
      identifier_type: "email",
      email: email.toUpperCase(),
      unique_id: `crm-${email}`,
      first_name: "Jane",
      last_name: "Smith",
      phone,
      address: "1 Main St",
      request_title: "Quote request",
      request_data: { Company: "Acme", Birthday: "1985-10-15" },
      message_data: { Form: "footer", Priority: "normal" },
      system_message: "Lead from https://example.com/landing",
      source: "Landing page",
      source_url: "https://example.com/landing",
      status: "Customer",
      tags: "web, quote,,web",
      notifications: "",
      opt_in: "true",
      opt_in_transactional_sms: true,
    });
    const { uid, conversation_uid, ...rest } = created(response);
    assert.deepEqual(rest, { status: "OK" });
    assert.match(uid, /^[a-z0-9]{16}$/);
    assert.match(conversation_uid, /^[a-z0-9]{16}$/);

    const { created_at, updated_at, ...fields } = await client(world, token, uid);
    assert.match(String(created_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(updated_at, created_at);
    assert.deepEqual(fields, {
      id: uid,
      first_name: "Jane",
      last_name: "Smith",
      email,
      mobile_phone: phone,
      normalized_phone: phone,
      address: "1 Main St",
      customer_status: "customer",
      tags: ["web", "quote"],
      opt_in: "1",
      source: "Landing page",
      source_url: "https://example.com/landing",
      channel: null,
      campaign: null,
      "Unique ID": `crm-${email}`,
      Company: "Acme",
      Birthday: "1985-10-15",
      matters: [{ uid, display_name: "Jane Smith", fields: [] }],
      matter_term: "matter",
    });

    const [conversation, ...others] = await conversations(world, token, uid);
    assert.deepEqual(others, []);
    assert.equal(conversation?.id, conversation_uid);
    assert.equal(conversation?.title, "Quote request");
    assert.equal(conversation?.business_id, tenant.workspace.uid);
    assert.equal(conversation?.client_id, uid);
    assert.equal(conversation?.business_unread, true);

    const said = await messages(world, token, conversation_uid);
    assert.equal(said.length, 1);
    assert.equal(
      said[0]?.text,
      "Lead from https://example.com/landing\nCompany: Acme\nBirthday: 1985-10-15\nForm: footer\nPriority: normal",
    );
    assert.equal(said[0]?.direction, "client_to_business");
    assert.equal(said[0]?.conversation_uid, conversation_uid);

    const { rows } = await world.house.db.pool.query(
      `select l.opt_in, l.opt_in_transactional_sms, m.business_note, m.text
       from leads l join conversations c on c.lead_id = l.id join messages m on m.conversation_id = c.id
       where l.workspace_id = $1 and l.email = $2`,
      [tenant.workspace.id, email],
    );
    assert.deepEqual(rows, [
      {
        opt_in: true,
        opt_in_transactional_sms: true,
        business_note: "Lead from https://example.com/landing",
        text: "Company: Acme\nBirthday: 1985-10-15\nForm: footer\nPriority: normal",
      },
    ]);
  });

  test("the three required fields and the identifier are enough (vcita 4.1)", async () => {
    const { uid, conversation_uid } = await lead(world, token);
    const read = await client(world, token, uid);
    assert.equal(read.customer_status, "lead");
    assert.equal(read.opt_in, null);
    assert.deepEqual(read.tags, []);
    const [message] = await messages(world, token, conversation_uid);
    assert.equal(message?.text, "Quote request");
  });

  test("/platform/v1/leads is the same endpoint", async () => {
    const { uid } = created(await post(request(), "/platform/v1/leads"));
    assert.equal((await client(world, token, uid)).id, uid);
  });

  test("words as clients write them: opt_in yes, numbers in a map, an empty map of PHP, null and blank as not sent", async () => {
    const { uid, conversation_uid } = await lead(world, token, {
      identifier_type: "Email",
      opt_in: "Yes",
      opt_in_transactional_sms: "false",
      request_data: { Rooms: 3, Garden: true, Remark: "", Fax: null },
      message_data: [],
      last_name: null,
      phone: " ",
      address: "",
      unknown: { anything: [1] },
    });
    const read = await client(world, token, uid);
    assert.equal(read.opt_in, "1");
    assert.equal(read.last_name, null);
    assert.equal(read.mobile_phone, null);
    assert.equal(read.address, null);
    assert.equal(read.Rooms, "3");
    assert.equal((await messages(world, token, conversation_uid))[0]?.text, "Rooms: 3\nGarden: true");
  });

  test("answers to a form fill what has no value of its own: phone, address, last name (vcita 4.4)", async () => {
    const phone = newPhone();
    const { uid } = await lead(world, token, {
      address: "2 High St",
      request_data: { Phone: phone.replace("+972", "0"), Address: "1 Main St", "Last Name": "Doe" },
    });
    const read = await client(world, token, uid);
    assert.equal(read.normalized_phone, phone);
    assert.equal(read.address, "2 High St");
    assert.equal(read.last_name, "Doe");
    assert.equal(read.Address, "1 Main St");
  });

  test("no answer takes the place of a fixed field of the client", async () => {
    const { uid } = await lead(world, token, { request_data: { id: "x", email: "evil@example.com", matters: "m", __note: "n" } });
    const read = await client(world, token, uid);
    assert.equal(read.id, uid);
    assert.notEqual(read.email, "evil@example.com");
    assert.ok(Array.isArray(read.matters));
    assert.equal(read.__note, "n");
  });

  test("an answer called Unique ID does not take the place of the client's", async () => {
    const unique_id = `u-${newEmail()}`;
    const { uid } = await lead(world, token, { unique_id, request_data: { "Unique ID": "another" } });
    assert.equal((await client(world, token, uid))["Unique ID"], unique_id);
  });

  test("a phone that is no number stays as it was typed", async () => {
    const { uid } = await lead(world, token, { phone: "ask for Jane" });
    const read = await client(world, token, uid);
    assert.equal(read.mobile_phone, "ask for Jane");
    assert.equal(read.normalized_phone, null);
  });

  test("odd Unicode is kept as it is", async () => {
    const name = "\u05d3\u05e0\u05d4 \ud83d\udc69\u200d\ud83d\udcbb e\u0301";
    const { uid } = await lead(world, token, { first_name: name });
    assert.equal((await client(world, token, uid)).first_name, name);
  });
});

describe("who a client is (vcita 4.4)", () => {
  test("an email that is known finds the client, whatever its case, and changes nothing of it", async () => {
    const email = newEmail();
    const first = await lead(world, token, {
      email,
      last_name: "Smith",
      status: "customer",
      tags: "one",
      request_data: { Company: "Acme" },
    });
    const before = await client(world, token, first.uid);
    const second = await lead(world, token, {
      email: email.toUpperCase(),
      first_name: "Other",
      last_name: "Name",
      phone: newPhone(),
      address: "elsewhere",
      unique_id: `u-${email}`,
      status: "inactive",
      opt_in: "true",
      source: "elsewhere",
      request_data: { Company: "Bcme" },
      tags: "two",
    });
    assert.equal(second.uid, first.uid);
    assert.notEqual(second.conversation_uid, first.conversation_uid);
    assert.deepEqual(await client(world, token, first.uid), { ...before, tags: ["one", "two"] });
    assert.deepEqual(
      (await conversations(world, token, first.uid)).map(({ id }) => id),
      [second.conversation_uid, first.conversation_uid],
    );
  });

  test("unique_id finds the client, and the email is then plain data", async () => {
    const id = `u-${newEmail()}`;
    const first = await lead(world, token, { identifier_type: "unique_id", unique_id: id });
    const second = await lead(world, token, { identifier_type: "unique_id", unique_id: id });
    assert.equal(second.uid, first.uid);
  });

  test("an email that is another client's stays a plain attribute when the client is looked up by unique_id", async () => {
    const email = newEmail();
    const owner = await lead(world, token, { email });
    const other = await lead(world, token, { identifier_type: "unique_id", unique_id: `u-${email}`, email });
    assert.notEqual(other.uid, owner.uid);
    assert.equal((await client(world, token, other.uid)).email, email);
    assert.equal((await lead(world, token, { email })).uid, owner.uid);
  });

  test("an email claimed beside a unique_id identifies from then on", async () => {
    const email = newEmail();
    const { uid } = await lead(world, token, { identifier_type: "unique_id", unique_id: `u-${email}`, email });
    assert.equal((await lead(world, token, { email })).uid, uid);
  });

  test("two clients may share a phone; the first one owns it", async () => {
    const phone = newPhone();
    const first = await lead(world, token, { phone });
    const second = await lead(world, token, { phone });
    assert.notEqual(first.uid, second.uid);
    const { rows } = await world.house.db.pool.query<{ owns_phone: boolean }>(
      "select owns_phone from leads where workspace_id = $1 and phone = $2 order by id",
      [tenant.workspace.id, phone],
    );
    assert.deepEqual(
      rows.map((row) => row.owns_phone),
      [true, false],
    );
  });

  test("200 identical requests at once: one client, 200 conversations, 200 messages", async () => {
    const alone = await world.tenant();
    const key = await alone.key("vcita");
    const body = request({ tags: "web,fast", notifications: "email" });
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => send(world, "POST", "/platform/v1/leadgen", { token: key.token, body })),
    );
    const made = answers.map(created);
    assert.equal(new Set(made.map(({ uid }) => uid)).size, 1);
    assert.equal(new Set(made.map(({ conversation_uid }) => conversation_uid)).size, 200);
    const counts = await rowCounts(world.house, alone.workspace.id);
    assert.deepEqual(
      { leads: counts.leads, lead_keys: counts.lead_keys, conversations: counts.conversations, messages: counts.messages },
      { leads: 1, lead_keys: 1, conversations: 200, messages: 200 },
    );
    assert.deepEqual({ tags: counts.tags, lead_tags: counts.lead_tags, outbox: counts.outbox }, { tags: 2, lead_tags: 2, outbox: 200 });
    // lead.created once, message.received for each.
    assert.equal(counts.events, 201);
  });

  test("200 requests of 200 people at once with the same new tags", async () => {
    const alone = await world.tenant();
    const key = await alone.key("vcita");
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        send(world, "POST", "/platform/v1/leadgen", {
          token: key.token,
          body: request({ tags: index % 2 === 0 ? "a,b,c" : "c,b,a" }),
        }),
      ),
    );
    assert.equal(new Set(answers.map((answer) => created(answer).uid)).size, 200);
    const counts = await rowCounts(world.house, alone.workspace.id);
    assert.deepEqual({ leads: counts.leads, tags: counts.tags, lead_tags: counts.lead_tags }, { leads: 200, tags: 3, lead_tags: 600 });
  });
});

describe("bad input (vcita 4.3)", () => {
  const refused = async (body: unknown, error: string | RegExp, status = 422) => {
    const before = await rowCounts(world.house, tenant.workspace.id);
    const response = await post(body);
    assert.equal(response.statusCode, status, response.body);
    assert.equal(response.json().status, "Error");
    if (typeof error === "string") assert.equal(response.json().error, error);
    else assert.match(response.json().error, error);
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
  };

  for (const field of ["identifier_type", "first_name", "request_title", "email"]) {
    for (const value of [undefined, null, "", "  "]) {
      test(`${field} ${value === undefined ? "missing" : JSON.stringify(value)}`, () =>
        refused(request({ [field]: value }), `Mandatory parameter ${field} is missing`));
    }
    test(`${field} of a wrong type`, () => refused(request({ [field]: { a: 1 } }), new RegExp(`^Parameter ${field} must be string`)));
  }

  test("unique_id is mandatory when the client is looked up by it", () =>
    refused(request({ identifier_type: "unique_id" }), "Mandatory parameter unique_id is missing"));

  test("identifier_type of another word", () =>
    refused(request({ identifier_type: "phone" }), "Parameter identifier_type must be one of: email, unique_id"));

  test("everything at once, in one sentence", () =>
    refused(
      {
        identifier_type: "unique_id",
        email: "nope",
        phone: 972501234567,
        opt_in: "maybe",
        opt_in_transactional_sms: 1,
        request_data: "text",
        message_data: { deep: { er: 1 } },
        tags: ["a"],
        notifications: ["email"],
      },
      [
        "Mandatory parameter unique_id is missing",
        "Mandatory parameter first_name is missing",
        "Mandatory parameter request_title is missing",
        "Parameter email must be a valid email",
        "Parameter phone must be string",
        "Parameter opt_in must be true or false",
        "Parameter request_data must be an object of labels and texts",
        "Parameter notifications must be string",
        "Parameter message_data[deep] must be text",
        "Parameter opt_in_transactional_sms must be true or false",
        "Parameter tags must be string",
      ].join(", "),
    ));

  const tooLong: Record<string, unknown> = {
    first_name: "x".repeat(201),
    last_name: "x".repeat(201),
    phone: "1".repeat(101),
    address: "x".repeat(1_001),
    request_title: "x".repeat(501),
    source: "x".repeat(501),
    source_url: "x".repeat(2_001),
    system_message: "x".repeat(20_001),
    status: "x".repeat(101),
    notifications: "x".repeat(201),
    unique_id: "x".repeat(251),
    email: `${"x".repeat(250)}@example.com`,
  };
  for (const [field, value] of Object.entries(tooLong)) {
    test(`${field} too long`, () =>
      refused(request({ [field]: value }), new RegExp(`^Parameter ${field} must have at most \\d+ characters`)));
  }

  test("too many tags, and one that is too long", async () => {
    const error = "Parameter tags must be at most 100 comma-separated labels of at most 200 characters";
    await refused(request({ tags: Array.from({ length: 101 }, (_, index) => index).join(",") }), error);
    await refused(request({ tags: "x".repeat(201) }), error);
  });

  test("a map with a list, with a blank label, with too many or too long entries", async () => {
    await refused(request({ request_data: ["a"] }), "Parameter request_data must be an object of labels and texts");
    await refused(request({ request_data: { " ": "a" } }), "Parameter request_data must have labels of 1 to 200 characters");
    await refused(request({ message_data: { ["x".repeat(201)]: "a" } }), "Parameter message_data must have labels of 1 to 200 characters");
    await refused(request({ message_data: { a: "x".repeat(10_001) } }), "Parameter message_data[a] must have at most 10000 characters");
    await refused(request({ request_data: { " __proto__ ": "x" } }), /^Parameter request_data must have labels/);
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, index) => [`label ${index}`, "x"]));
    await refused(request({ request_data: many }), /^Parameter request_data must NOT have more than 200 properties/);
  });

  test("a number that would not be kept as it was sent", async () => {
    for (const number of ["12345678901234567890", "-9007199254740993", "1e300"]) {
      await refused(
        JSON.stringify(request({ request_data: { n: 0 } })).replace('"n":0', `"n":${number}`),
        "Parameter request_data[n] must be sent as text: a number of this size is not exact",
      );
    }
    await refused(JSON.stringify(request({ message_data: { n: 0 } })).replace('"n":0', '"n":1e400'), /number that is too large/, 400);
    const { uid } = await lead(world, token, { request_data: { n: Number.MAX_SAFE_INTEGER } });
    assert.equal((await client(world, token, uid)).n, "9007199254740991");
  });

  test("a business_id that is no text", () => refused(request({ business_id: 5 }), "Parameter business_id must be string"));

  test("a body that is no object", () => refused([request()], "The body must be an object"));
  test("no body at all names every mandatory parameter", () =>
    refused(
      undefined,
      "Mandatory parameter identifier_type is missing, Mandatory parameter first_name is missing, Mandatory parameter request_title is missing",
    ));
});
