import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { updatePhoneNumber } from "../../../src/core/phone-numbers/updatePhoneNumber.ts";
import { addTrunk } from "../../../src/core/trunks/addTrunk.ts";
import { newId } from "../../../src/platform/ids.ts";
import { send, startWorld } from "../../support/world.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("yappr");

interface Listed {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  path: string;
  summary: string;
}

test("GET / lists the endpoints without a key, and each of them is there (yappr 1)", async () => {
  const response = await send(world, "GET", "/");
  assert.equal(response.statusCode, 200, response.body);
  const endpoints: Listed[] = response.json().endpoints;
  const names = endpoints.map(({ method, path }) => `${method} ${path}`);
  for (const name of [
    "GET /",
    "POST /leads",
    "GET /leads",
    "GET /leads/{id}",
    "POST /agents",
    "GET /agents",
    "GET /agents/{id}",
    "PATCH /agents/{id}",
    "DELETE /agents/{id}",
    "GET /do-not-call",
    "POST /do-not-call",
    "GET /do-not-call/{id}",
    "PATCH /do-not-call/{id}",
    "DELETE /do-not-call/{id}",
    "GET /phone-numbers",
  ]) {
    assert.ok(names.includes(name), `${name} is not listed`);
  }
  assert.equal(new Set(names).size, names.length);
  for (const { method, path } of endpoints) {
    const { statusCode, body } = await send(world, method, path.replace("{id}", newId()));
    assert.ok(path === "/" ? statusCode === 200 : statusCode === 401, `${method} ${path}: ${body}`);
  }
});

test("the description of the API says what the routes take", async () => {
  const description = (await send(world, "GET", "/docs/yappr.json")).json();
  const body = description.paths["/leads"].post.requestBody.content["application/json"].schema;
  assert.deepEqual(body.required, ["phone_number"]);
  assert.deepEqual(Object.keys(body.properties), ["phone_number", "name", "email", "tags", "tag_ids", "long_term_context", "metadata"]);
  assert.ok(description.paths["/agents/{id}"].patch.requestBody);
});

test("a path that no dialect has answers in this dialect's words", async () => {
  const response = await send(world, "GET", "/no/such/path");
  assert.deepEqual([response.statusCode, response.json().code], [404, "ROUTE_NOT_FOUND"]);
});

test("GET /phone-numbers lists the workspace's numbers (yappr 8.1)", async () => {
  const added = await addPhoneNumber(tenant.ctx, { phone: "055-123-4567", friendlyName: "Main" });
  await addPhoneNumber((await world.tenant()).ctx, { phone: "+972551234568" });
  const response = await send(world, "GET", "/phone-numbers", { token });
  assert.deepEqual(response.json(), {
    data: [
      {
        id: added.id,
        number: "+972551234567",
        friendly_name: "Main",
        provider: "simulator",
        status: "active",
        is_active: true,
        inbound_agent_id: null,
        outbound_agent_id: null,
        sip_inbound_configured: false,
        sip_outbound_configured: false,
        country_code: "IL",
        monthly_cost: 0,
        created_at: added.created_at.toISOString(),
      },
    ],
  });
});

test("a number on a trunk is told as SIP, ready for calls in once somebody answers (yappr 8.1)", async () => {
  const { ctx, key } = await world.tenant();
  const trunk = await addTrunk(ctx, { name: "Provider", gateways: ["udp:sip.example.com"] });
  const { id } = await addPhoneNumber(ctx, { phone: "055-123-4567", trunkId: trunk.id });
  const shown = async () => {
    const { data } = (await send(world, "GET", "/phone-numbers", { token: (await key("yappr")).token })).json();
    return [data[0].provider, data[0].sip_inbound_configured, data[0].sip_outbound_configured];
  };
  assert.deepEqual(await shown(), ["sip", false, true]);
  const { agent } = await createAgent(ctx, {
    settings: { name: "Maya", system_prompt: "You are Maya.", language: "en", greeting_message: "Hello." },
  });
  await updatePhoneNumber(ctx, id, { inboundAgentId: agent.id });
  assert.deepEqual(await shown(), ["sip", true, true]);
});
