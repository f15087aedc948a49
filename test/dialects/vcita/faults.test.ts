import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LightMyRequestResponse } from "fastify";
import { createDirectory } from "../../../src/core/workspaces/createDirectory.ts";
import { type Fault, testFaults } from "../../support/faults.ts";
import { send, startWorld } from "../../support/world.ts";
import { lead, request } from "./support.ts";

const world = await startWorld();
const directory = await createDirectory(world.house, "Partner");
const tenant = await world.tenant({ directoryId: directory.id });
const { uid, conversation_uid } = await lead(world, (await tenant.key("vcita")).token);

const BAD_KEYS: readonly Fault[] = ["missing key", "malformed key", "unknown key", "revoked key", "expired key"];
const STATUS: Partial<Record<Fault, number>> = {
  "missing scope": 401,
  "malformed JSON": 400,
  "body is no object": 422,
  "wrong content type": 415,
  "body too large": 413,
  "a NUL character": 400,
  "half a surrogate pair": 400,
  "nested too deep": 400,
  "wrong method": 405,
  "unknown path": 404,
};

/** vcita 1. */
function platform(fault: Fault, response: LightMyRequestResponse): void {
  if (BAD_KEYS.includes(fault)) {
    assert.equal(response.statusCode, 401);
    assert.deepEqual(response.json(), { status: "failure", message: "401 Unauthorized" });
    return;
  }
  assert.equal(response.statusCode, STATUS[fault], response.body);
  assert.equal(response.json().status, "Error");
  assert.ok(response.json().error.length > 5);
  if (fault === "missing scope") assert.equal(response.json().error, "Unauthorized");
  if (fault === "body is no object") assert.match(response.json().error, /The body must be an object/);
}

/** vcita 5. */
function partner(fault: Fault, response: LightMyRequestResponse): void {
  if (BAD_KEYS.includes(fault) || fault === "missing scope") {
    assert.equal(response.statusCode, 401);
    assert.equal(response.body, "HTTP Token: Access denied.\n");
    return;
  }
  assert.equal(response.statusCode, STATUS[fault], response.body);
  assert.ok(Array.isArray(response.json()) && response.json().every((text: unknown) => typeof text === "string" && text.length > 5));
}

/** vcita 7.2. */
function v2(fault: Fault, response: LightMyRequestResponse): void {
  if (BAD_KEYS.includes(fault)) {
    assert.equal(response.statusCode, 401);
    assert.deepEqual(response.json(), { status: "failure", message: "401 Unauthorized" });
    return;
  }
  assert.equal(response.statusCode, STATUS[fault], response.body);
  assert.equal(typeof response.json().error, "string");
}

describe("faults that any request can have (vcita 1)", () => {
  for (const url of ["/platform/v1/leadgen", "/platform/v1/leads"]) {
    testFaults(world, tenant, "vcita", { method: "POST", url, body: request(), scope: "leads:write", wrongMethod: "PATCH" }, platform);
  }
  const onBehalf = request({ business_id: tenant.workspace.uid, system_message: "x" });
  testFaults(
    world,
    tenant,
    "vcita",
    { method: "POST", url: "/v1/partners/leads", body: onBehalf, scope: "leads:write", wrongMethod: "GET", keyKind: "directory" },
    partner,
  );
  for (const [url, scope] of [
    ["/platform/v1/clients", "leads:read"],
    [`/platform/v1/clients/${uid}`, "leads:read"],
    [`/platform/v1/clients/${uid}/conversations`, "conversations:read"],
    ["/platform/v1/conversations", "conversations:read"],
  ] as const) {
    testFaults(world, tenant, "vcita", { method: "GET", url, scope, wrongMethod: "DELETE" }, platform);
  }
  testFaults(
    world,
    tenant,
    "vcita",
    { method: "GET", url: `/v2/conversations/${conversation_uid}/messages`, scope: "conversations:read", wrongMethod: "POST" },
    v2,
  );
});

describe("a path without a route is answered in the envelope of its family (vcita 1)", () => {
  const missing = (path: string) => `There is no GET ${path}`;
  const cases: ReadonlyArray<readonly [string, (error: string) => unknown]> = [
    ["/platform", (error) => ({ status: "Error", error })],
    ["/platform/v1/messages", (error) => ({ status: "Error", error })],
    ["/platform/v1/tokens", (error) => ({ status: "Error", message: error, data: [error] })],
    ["/platform/v1/webhook/subscribe", (error) => ({ status: "Error", message: error, data: [error] })],
    ["/platform/v1/webhooks", (error) => ({ status: "Error", message: error, data: [error] })],
    ["/platform/v1/businesses/x", (error) => ({ status: "Error", message: error, data: [error] })],
    ["/v1/partners", (error) => [error]],
    ["/v1/partners/accounts", (error) => [error]],
    ["/v2/search", (error) => ({ error })],
    ["/v3/clients/x", (message) => ({ success: false, errors: [{ code: "not_found", message }] })],
    ["/business/clients/v1/tags", (message) => ({ success: false, errors: [{ code: "not_found", message }] })],
    ["/client_api/v1/portals/x/contact/submit", (message) => ({ success: false, errors: [{ code: "not_found", message }] })],
    ["/oauth/userinfo", (text) => ({ error: "invalid_request", error_description: text })],
  ];
  for (const [path, body] of cases) {
    test(path, async () => {
      const response = await send(world, "GET", path);
      assert.equal(response.statusCode, 404);
      assert.deepEqual(response.json(), body(missing(path)));
    });
  }

  test("a URL that cannot be read", async () => {
    const response = await send(world, "GET", "/platform/v1/clients/%zz");
    assert.equal(response.statusCode, 400);
    assert.deepEqual(response.json(), { status: "Error", error: "The URL is not valid" });
  });

  test("a path that only begins alike is not this dialect's", async () => {
    const response = await send(world, "GET", "/v20/conversations");
    assert.equal(response.statusCode, 404);
    assert.doesNotMatch(response.body, /^\{"error":"There is no GET \/v20\/conversations"\}$/);
  });
});

describe("the rate limit (vcita 1)", async () => {
  const limited = await startWorld({ environment: { RATE_LIMIT_PER_MINUTE: "1" } });
  const { token } = await (await limited.tenant()).key("vcita");
  test("is told as vCita tells it", async () => {
    await send(limited, "GET", "/platform/v1/clients", { token });
    const response = await send(limited, "GET", "/platform/v1/clients", { token });
    assert.equal(response.statusCode, 429);
    assert.deepEqual(response.json(), { error: "Too many requests" });
    assert.ok(Number(response.headers["retry-after"]) > 0);
  });
});
