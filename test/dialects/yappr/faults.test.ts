import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { createLead } from "../../../src/core/leads/createLead.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { placeCall } from "../../../src/engine/placeCall.ts";
import { type Fault, testFaults } from "../../support/faults.ts";
import { send, startWorld } from "../../support/world.ts";

const world = await startWorld();
const limited = await startWorld({ environment: { RATE_LIMIT_PER_MINUTE: "2" } });
const tenant = await world.tenant();
const settings = { name: "Noa", system_prompt: "Be kind.", language: "he", greeting_message: "Hi" };
const { agent } = await createAgent(tenant.ctx, { settings });
const lead = await createLead(tenant.ctx, { phone: "+972501234567" });
const { entry } = await addDncEntry(tenant.ctx, { phone: "+972501234568", source: "manual" });
await addPhoneNumber(tenant.ctx, { phone: "+972551234567" });
const wanted = { agent_id: agent.id, to: "+972501234567", from: "+972551234567" };
const { call } = await placeCall(tenant.ctx, { agentId: agent.id, to: wanted.to, from: wanted.from });

/** yappr 1.3; 401 also for a missing scope (section 14). */
const ANSWERS: Record<Fault, [status: number, code: string]> = {
  "missing key": [401, "MISSING_KEY"],
  "malformed key": [401, "INVALID_KEY"],
  "unknown key": [401, "INVALID_KEY"],
  "revoked key": [401, "INVALID_KEY"],
  "expired key": [401, "EXPIRED_KEY"],
  "missing scope": [401, "INSUFFICIENT_SCOPE"],
  "malformed JSON": [400, "BAD_REQUEST"],
  "body is no object": [400, "BAD_REQUEST"],
  "wrong content type": [415, "UNSUPPORTED_MEDIA_TYPE"],
  "body too large": [413, "REQUEST_BODY_TOO_LARGE"],
  "a NUL character": [400, "BAD_REQUEST"],
  "half a surrogate pair": [400, "BAD_REQUEST"],
  "nested too deep": [400, "BAD_REQUEST"],
  "wrong method": [405, "METHOD_NOT_ALLOWED"],
  "unknown path": [404, "ROUTE_NOT_FOUND"],
};

const endpoints: Parameters<typeof testFaults>[3][] = [
  { method: "POST", url: "/leads", body: { phone_number: "+972501230000" }, scope: "leads:write", wrongMethod: "PUT" },
  { method: "GET", url: "/leads", scope: "leads:read", wrongMethod: "DELETE" },
  { method: "GET", url: `/leads/${lead.id}`, scope: "leads:read", wrongMethod: "POST" },
  { method: "POST", url: "/agents", body: settings, scope: "agents:create", wrongMethod: "PUT" },
  { method: "GET", url: "/agents", scope: "agents:read", wrongMethod: "DELETE" },
  { method: "GET", url: `/agents/${agent.id}`, scope: "agents:read", wrongMethod: "POST" },
  { method: "PATCH", url: `/agents/${agent.id}`, body: { name: "Maya" }, scope: "agents:update", wrongMethod: "PUT" },
  { method: "DELETE", url: `/agents/${agent.id}`, scope: "agents:update", wrongMethod: "PUT" },
  { method: "POST", url: "/do-not-call", body: { phone_number: "+972501230001" }, scope: "do_not_call:write", wrongMethod: "PUT" },
  { method: "GET", url: "/do-not-call", scope: "do_not_call:read", wrongMethod: "DELETE" },
  { method: "GET", url: "/do-not-call?phone=0501234568", scope: "do_not_call:read", wrongMethod: "PATCH" },
  { method: "GET", url: `/do-not-call/${entry.id}`, scope: "do_not_call:read", wrongMethod: "POST" },
  { method: "PATCH", url: `/do-not-call/${entry.id}`, body: { reason: "x" }, scope: "do_not_call:write", wrongMethod: "PUT" },
  { method: "DELETE", url: `/do-not-call/${entry.id}`, scope: "do_not_call:write", wrongMethod: "PUT" },
  { method: "GET", url: "/phone-numbers", scope: "phone_numbers:read", wrongMethod: "POST" },
  { method: "POST", url: "/calls", body: wanted, scope: "calls:create", wrongMethod: "PUT", tooLarge: 65_537 },
  { method: "GET", url: "/calls", scope: "calls:read", wrongMethod: "DELETE" },
  { method: "GET", url: `/calls/${call.id}`, scope: "calls:read", wrongMethod: "POST" },
];

describe("every fault, at every endpoint (yappr 1.2, 1.3)", () => {
  for (const endpoint of endpoints) {
    testFaults(world, tenant, "yappr", endpoint, (fault, response) => {
      const [status, code] = ANSWERS[fault];
      assert.equal(response.statusCode, status, response.body);
      assert.match(String(response.headers["content-type"]), /^application\/json/);
      const body = response.json();
      assert.equal(body.code, code);
      assert.ok(typeof body.error === "string" && body.error.length > 0);
      assert.deepEqual(
        Object.keys(body).filter((name) => !["error", "code", "details"].includes(name)),
        [],
      );
    });
  }
});

test("nothing of all this touched what was there", async () => {
  const { token } = await tenant.key("yappr");
  for (const url of [`/leads/${lead.id}`, `/agents/${agent.id}`, `/do-not-call/${entry.id}`]) {
    const response = await send(world, "GET", url, { token });
    assert.equal(response.statusCode, 200);
    assert.ok(!response.body.includes("Maya"));
  }
});

test("a key may do what its scopes say, in this dialect's words (yappr 2)", async () => {
  const { token } = await tenant.key("yappr", { scopes: ["leads:read"] });
  const response = await send(world, "POST", "/leads", { token, body: { phone_number: "+972501230002" } });
  assert.deepEqual(response.json(), { error: "The API key lacks the scope leads:manage.", code: "INSUFFICIENT_SCOPE" });
  assert.equal((await send(world, "GET", "/leads", { token })).statusCode, 200);
});

test("keys look like the documents' (yappr 1)", async () => {
  assert.match((await tenant.key("yappr")).token, /^ypr_live_[0-9a-f]{48}$/);
});

test("too many requests answer 429 RATE_LIMIT, and every answer says how many are left (yappr 1.1)", async () => {
  const { token } = await (await limited.tenant()).key("yappr");
  const responses = [];
  for (let request = 0; request < 3; request++) responses.push(await send(limited, "GET", "/leads", { token }));
  assert.deepEqual(
    responses.map((response) => [response.statusCode, response.headers["x-ratelimit-limit"], response.headers["x-ratelimit-remaining"]]),
    [
      [200, "2", "1"],
      [200, "2", "0"],
      [429, "2", "0"],
    ],
  );
  const last = responses[2];
  assert.equal(last?.json().code, "RATE_LIMIT");
  assert.ok(Number(last?.headers["retry-after"]) >= 1);
  assert.ok(Number(last?.headers["x-ratelimit-reset"]) * 1000 > Date.now());
});
