import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createDirectory } from "../../../src/core/workspaces/createDirectory.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";
import { clients, messages, newEmail, request } from "./support.ts";

const world = await startWorld();
const directory = await createDirectory(world.house, "Partner");
const tenant = await world.tenant({ directoryId: directory.id });
const { token } = await tenant.key("vcita", { kind: "directory" });
/** Nobody may ever become its client. */
const fresh = await world.tenant({ directoryId: directory.id });
const { token: staff } = await tenant.key("vcita");
const URL = "/v1/partners/leads";
const authorization = `Token token="${token}"`;

const post = (body: Record<string, unknown>) =>
  send(world, "POST", URL, { body: { business_id: tenant.workspace.uid, ...body }, headers: { authorization } });

const postText = (payload: string | Buffer, contentType: string) =>
  world.server.inject({ method: "POST", url: URL, payload, headers: { authorization, "content-type": contentType } });

const FORM = "application/x-www-form-urlencoded";

describe("POST /v1/partners/leads (vcita 5)", () => {
  test("answers with the uid of the conversation", async () => {
    const email = newEmail();
    const response = await post(request({ email, request_data: { Company: "Acme" } }));
    assert.equal(response.statusCode, 201);
    assert.deepEqual(Object.keys(response.json()), ["uid"]);
    const [message] = await messages(world, staff, response.json().uid);
    assert.equal(message?.text, "Company: Acme");
    const [client] = await clients(world, staff, `?search_by=email&search_term=${encodeURIComponent(email)}`);
    assert.equal(client?.Company, "Acme");
  });

  test("a system_message will do in place of request_data", async () => {
    const response = await post(request({ system_message: "From <a href='https://example.com'>our form</a>" }));
    assert.equal(response.statusCode, 201);
    const [message] = await messages(world, staff, response.json().uid);
    assert.equal(message?.text, "From <a href='https://example.com'>our form</a>\nQuote request");
  });

  test("what only leadgen knows is ignored, whatever it holds", async () => {
    const email = newEmail();
    const response = await post(
      request({ email, system_message: "x", tags: 5, status: ["a"], message_data: 1, opt_in_transactional_sms: "?" }),
    );
    assert.equal(response.statusCode, 201, response.body);
    const [client] = await clients(world, staff, `?search_by=email&search_term=${encodeURIComponent(email)}`);
    assert.deepEqual(client?.tags, []);
    assert.equal(client?.customer_status, "lead");
  });

  const fields = {
    business_id: tenant.workspace.nickname ?? "",
    identifier_type: "email",
    first_name: "Zoë",
    request_title: "Roof & walls + 1",
  };
  const answers = { "First Name": "Zoë", "Size [m²]": "20 = many", Notes: "two\nlines" };

  test("urlencoded, with bracket keys", async () => {
    const email = newEmail();
    const form = new URLSearchParams({ ...fields, email, notifications: "auto_reply, email, sms" });
    for (const [label, value] of Object.entries(answers)) form.append(`request_data[${label}]`, value);
    const response = await postText(form.toString(), FORM);
    assert.equal(response.statusCode, 201, response.body);
    const [message] = await messages(world, staff, response.json().uid);
    assert.equal(message?.text, "First Name: Zoë\nSize [m²]: 20 = many\nNotes: two\nlines");
    assert.equal(message?.title, "Roof & walls + 1");
    const [client] = await clients(world, staff, `?search_by=email&search_term=${encodeURIComponent(email)}`);
    assert.equal(client?.["Size [m²]"], "20 = many");
    const { rows } = await world.house.db.pool.query<{ channel: string; purpose: string }>(
      "select channel, purpose from outbox where workspace_id = $1 order by id",
      [tenant.workspace.id],
    );
    assert.deepEqual(rows, [
      { channel: "email", purpose: "auto_reply" },
      { channel: "email", purpose: "owner_alert" },
      { channel: "sms", purpose: "owner_alert" },
    ]);
  });

  test("multipart, with bracket keys", async () => {
    const form = new FormData();
    for (const [key, value] of Object.entries({ ...fields, email: newEmail() })) form.append(key, value);
    for (const [label, value] of Object.entries(answers)) form.append(`request_data[${label}]`, value.replace("\n", "\r\n"));
    const encoded = new Response(form);
    const response = await postText(Buffer.from(await encoded.arrayBuffer()), encoded.headers.get("content-type") ?? "");
    assert.equal(response.statusCode, 201, response.body);
    const [message] = await messages(world, staff, response.json().uid);
    assert.equal(message?.text, "First Name: Zoë\nSize [m²]: 20 = many\nNotes: two\r\nlines");
  });
});

describe("errors (vcita 5)", () => {
  const refused = async (response: { statusCode: number; body: string; json(): unknown }, status: number, body: unknown) => {
    assert.equal(response.statusCode, status, response.body);
    if (body instanceof RegExp) assert.match(response.body, body);
    else assert.deepEqual(response.json(), body);
    assert.equal((await rowCounts(world.house, fresh.workspace.id)).leads, 0);
  };
  const attempt = (body: Record<string, unknown>) =>
    send(world, "POST", URL, { body: { business_id: fresh.workspace.uid, ...body }, headers: { authorization } });

  test("every wrong parameter is one string of the list", async () => {
    await refused(await attempt({}), 422, [
      "Mandatory parameter identifier_type is missing",
      "Mandatory parameter first_name is missing",
      "Mandatory parameter request_title is missing",
      "Missing request_data and system_message parameters. At least one is required",
    ]);
    await refused(await attempt(request({ request_data: {}, system_message: " " })), 422, [
      "Missing request_data and system_message parameters. At least one is required",
    ]);
    await refused(await attempt(request({ identifier_type: "unique_id", request_data: 5 })), 422, [
      "Mandatory parameter unique_id is missing",
      "Parameter request_data must be an object of labels and texts",
    ]);
  });

  test("business_id is mandatory for a directory", async () => {
    await refused(await attempt({ ...request({ system_message: "x" }), business_id: "" }), 422, [
      "Mandatory parameter business_id is missing",
    ]);
  });

  test("no token: text", async () => {
    const response = await send(world, "POST", URL, { body: request({ system_message: "x" }) });
    assert.equal(response.statusCode, 401);
    assert.equal(response.body, "HTTP Token: Access denied.\n");
    assert.match(String(response.headers["content-type"]), /^text\/plain/);
  });

  const base = () => `business_id=${fresh.workspace.uid}&identifier_type=email&email=a%40example.com&first_name=A&request_title=T`;
  for (const [what, text, status] of [
    ["a broken escape", "&request_data[a]=%zz", 400],
    ["bytes that are no UTF-8", "&request_data[a]=%ff", 400],
    ["a NUL character", "&request_data[a]=%00", 400],
    ["two brackets", "&request_data[a][b]=c", 400],
    ["a key both with and without brackets", "&request_data=x&request_data[a]=c", 400],
    ["a dangerous key", "&request_data[__proto__]=c", 400],
    ["an empty label", "&request_data[]=c", 422],
    ["nothing but blanks", "&request_data[a]=+", 422],
  ] as const) {
    test(`a form with ${what}`, async () => refused(await postText(base() + text, FORM), status, /^\["/));
  }

  test("a form that is no multipart, has no boundary, or holds a file", async () => {
    await refused(await postText("hello", "multipart/form-data; boundary=x"), 400, ["The body is not valid multipart/form-data."]);
    await refused(await postText("--x--\r\n", "multipart/form-data"), 400, ["The body is not valid multipart/form-data."]);
    const form = new FormData();
    form.append("request_data[photo]", new Blob(["x"]), "photo.png");
    const encoded = new Response(form);
    await refused(await postText(Buffer.from(await encoded.arrayBuffer()), encoded.headers.get("content-type") ?? ""), 400, [
      "request_data[photo] is a file; only text is taken.",
    ]);
  });
});
