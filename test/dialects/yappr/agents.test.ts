import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newId } from "../../../src/platform/ids.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("yappr");

const agent = (overrides: Record<string, unknown> = {}) => ({
  name: "Noa",
  system_prompt: "You call leads of a clinic. Be kind, {{LeadName}} waits.",
  language: "he",
  greeting_message: "שלום {{LeadName}}",
  ...overrides,
});

const post = (body: unknown, key = token) => send(world, "POST", "/agents", { token: key, body });
const patch = (id: string, body: unknown) => send(world, "PATCH", `/agents/${id}`, { token, body });
const made = async (overrides: Record<string, unknown> = {}) => (await post(agent(overrides))).json();

/** Refused for exactly these fields, with nothing written. */
async function refused(response: () => ReturnType<typeof send>, ...fields: string[]): Promise<string> {
  const before = await rowCounts(world.house, tenant.workspace.id);
  const { statusCode, body, json } = await response();
  assert.equal(statusCode, 400, body);
  const { error, code, details } = json();
  assert.equal(code, "BAD_REQUEST");
  assert.deepEqual(details.map((detail: { path: string }) => detail.path).sort(), fields.sort(), error);
  assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before, "something was written");
  return error;
}

const DEFAULTS = {
  description: null,
  type: "prompt",
  flow_config: null,
  voice: "Rachel",
  temperature: 0.5,
  agent_speaks_first: true,
  background_sound: null,
  background_sound_volume: 0.3,
  vad_stop_secs: 0.5,
  vad_start_secs: 0.2,
  vad_confidence: 0.7,
  silence_timeout_secs: 60,
  max_continuous_speech_secs: 120,
  max_call_duration_secs: 600,
  lead_memory_enabled: true,
  is_active: true,
  webhook_url: null,
  webhook_events: null,
  webhook_headers: {},
  extraction_parameters: [],
  recording_enabled: true,
  keypad_actions: {},
};

/** Every writable field, none at its default. */
const FULL = {
  name: "Dana",
  description: "Books visits",
  system_prompt: "Book a visit.",
  voice: "Yonatan",
  language: "en",
  temperature: 2,
  greeting_message: "Hello",
  agent_speaks_first: false,
  background_sound: "cafe",
  background_sound_volume: 0.6,
  vad_stop_secs: 0.05,
  vad_start_secs: 2,
  vad_confidence: 1,
  silence_timeout_secs: 900,
  max_continuous_speech_secs: 0,
  max_call_duration_secs: 0,
  lead_memory_enabled: false,
  webhook_url: "https://example.com/hook?x=1",
  webhook_events: ["call.ended", "call.analyzed"],
  webhook_headers: { Authorization: "Bearer s3cret", "X-Team": "a b" },
  extraction_parameters: [{ name: "orderNumber", description: "The order's number" }],
  recording_enabled: false,
  keypad_actions: { "9": { action: "hang_up" }, "*": { action: "transfer", to: "+972501234567" } },
};

describe("POST /agents (yappr 4.1, 4.2)", () => {
  test("what is not sent has the documents' defaults", async () => {
    const response = await post(agent());
    assert.equal(response.statusCode, 201, response.body);
    const { id, created_at, updated_at, ...rest } = response.json();
    assert.match(id, /^[0-9a-f-]{36}$/);
    assert.equal(created_at, updated_at);
    assert.deepEqual(rest, { ...DEFAULTS, ...agent() });
  });

  test("every field is kept as sent and read back, with the tools", async () => {
    const response = await post(FULL);
    assert.equal(response.statusCode, 201, response.body);
    const stored = response.json();
    const { id, created_at, updated_at, ...rest } = stored;
    assert.deepEqual(rest, { ...FULL, type: "prompt", flow_config: null, is_active: true });
    assert.ok(id && created_at && updated_at);
    assert.deepEqual((await send(world, "GET", `/agents/${id}`, { token })).json(), { ...stored, tools: [] });
  });

  test("a field that is not an agent's is ignored", async () => {
    const stored = await made({ is_active: false, surprise: 1, type: "prompt", flow_config: null });
    assert.equal(stored.is_active, true);
    assert.ok(!("surprise" in stored));
    const { rows } = await world.house.db.pool.query("select settings from agents where id = $1", [stored.id]);
    assert.ok(!("surprise" in rows[0].settings) && !("flow_config" in rows[0].settings));
  });

  test("a greeting is needed only when the agent speaks first", async () => {
    const { greeting_message: _greeting, ...mute } = agent();
    assert.match(await refused(() => post(mute), "greeting_message"), /agent_speaks_first/);
    await refused(() => post(agent({ greeting_message: null })), "greeting_message");
    await refused(() => post(agent({ greeting_message: "  " })), "greeting_message");
    const response = await post({ ...mute, agent_speaks_first: false });
    assert.equal(response.statusCode, 201, response.body);
    assert.equal(response.json().greeting_message, null);
  });

  test("flow agents are refused in words that say why", async () => {
    assert.match(
      await refused(() => post(agent({ type: "flow", flow_config: { nodes: [] } })), "type", "flow_config"),
      /prompt agents only/,
    );
    assert.match(await refused(() => post(agent({ type: "workflow" })), "type"), /prompt agents only/);
  });

  test("the same idempotency_key answers 200 with the stored agent, whatever else is sent (yappr 1.5)", async () => {
    const idempotency_key = newId();
    const first = await post(agent({ idempotency_key }));
    assert.equal(first.statusCode, 201);
    const before = await rowCounts(world.house, tenant.workspace.id);
    const again = await post(agent({ idempotency_key: idempotency_key.toUpperCase(), name: "Other" }));
    assert.equal(again.statusCode, 200);
    assert.deepEqual(again.json(), first.json());
    assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before);
    const other = await world.tenant();
    assert.equal((await post(agent({ idempotency_key }), (await other.key("yappr")).token)).statusCode, 201);
  });

  test("50 requests at once with one idempotency_key make one agent with one version", async () => {
    const body = agent({ idempotency_key: newId() });
    const responses = await Promise.all(Array.from({ length: 50 }, () => post(body)));
    assert.equal(responses.filter(({ statusCode }) => statusCode === 201).length, 1);
    assert.equal(responses.filter(({ statusCode }) => statusCode === 200).length, 49);
    assert.equal(new Set(responses.map((response) => response.body)).size, 1);
    const { rows } = await world.house.db.pool.query("select version from agent_versions where agent_id = $1", [responses[0]?.json().id]);
    assert.deepEqual(rows, [{ version: 1 }]);
  });

  describe("bad input", () => {
    test("nothing: every required field is named", async () => {
      await refused(() => post({}), "name", "system_prompt", "language");
      await refused(() => post(""), "name", "system_prompt", "language");
      await refused(() => post({ name: null, system_prompt: null, language: null }), "name", "system_prompt", "language");
    });
    test("blank and too long texts", async () => {
      await refused(() => post(agent({ name: " \u200b", system_prompt: "\n", voice: "" })), "name", "system_prompt", "voice");
      await refused(() => post(agent({ name: "x".repeat(201) })), "name");
      await refused(() => post(agent({ system_prompt: "x".repeat(200_001) })), "system_prompt");
      await refused(() => post(agent({ greeting_message: "x".repeat(5_001) })), "greeting_message");
    });
    test("each number outside its range, on both sides, and each wrong type", async () => {
      const ranges = {
        temperature: [-0.1, 2.1],
        background_sound_volume: [-0.1, 0.7],
        vad_stop_secs: [0.04, 5.1],
        vad_start_secs: [0.04, 2.1],
        vad_confidence: [-0.1, 1.1],
        silence_timeout_secs: [9, 901],
        max_continuous_speech_secs: [-1, 301],
        max_call_duration_secs: [-1, 3601],
      };
      for (const side of [0, 1]) {
        const values = Object.fromEntries(Object.entries(ranges).map(([name, ends]) => [name, ends[side]]));
        await refused(() => post(agent(values)), ...Object.keys(ranges));
      }
      const texts = Object.fromEntries(Object.keys(ranges).map((name) => [name, "1"]));
      await refused(() => post(agent(texts)), ...Object.keys(ranges));
      await refused(
        () => post(agent({ silence_timeout_secs: 10.5, lead_memory_enabled: "yes", agent_speaks_first: 1, voice: 5 })),
        "silence_timeout_secs",
        "lead_memory_enabled",
        "agent_speaks_first",
        "voice",
      );
    });
    test("wrong enums", async () => {
      await refused(() => post(agent({ language: "fr", background_sound: "disco" })), "language", "background_sound");
      await refused(() => post(agent({ webhook_events: ["call.ended", "call.exploded"] })), "webhook_events.1");
    });
    test("webhook addresses that cannot be called", async () => {
      for (const webhook_url of [
        "",
        "example.com",
        "ftp://example.com",
        "javascript:alert(1)",
        "https://",
        "http://[x",
        "https://999.999.999.999/",
        5,
      ]) {
        await refused(() => post(agent({ webhook_url })), "webhook_url");
      }
      await refused(() => post(agent({ webhook_url: `https://example.com/${"x".repeat(2_048)}` })), "webhook_url");
      assert.match(await refused(() => post(agent({ webhook_url: "https://user:pass@example.com" })), "webhook_url"), /webhook_headers/);
      assert.equal((await post(agent({ webhook_url: "HTTP://example.com:8080/x" }))).statusCode, 201);
    });
    test("webhook headers: names that belong to the connection or the signature, no names, no text (yappr 6.1)", async () => {
      for (const name of [
        "Host",
        "content-length",
        "Transfer-Encoding",
        "Connection",
        "Proxy-Authorization",
        "TE",
        "Upgrade",
        "Webhook-Signature",
      ]) {
        await refused(() => post(agent({ webhook_headers: { [name]: "x" } })), `webhook_headers.${name}`);
      }
      await refused(() => post(agent({ webhook_headers: { "a b": "x", "": "y" } })), "webhook_headers.a b", "webhook_headers.");
      await refused(
        () => post(agent({ webhook_headers: { "X-A": "a\r\nHost: b", "X-B": "שלום" } })),
        "webhook_headers.X-A",
        "webhook_headers.X-B",
      );
      await refused(() => post(agent({ webhook_headers: { "X-A": 5 } })), "webhook_headers.X-A");
      await refused(() => post(agent({ webhook_headers: ["x"] })), "webhook_headers");
    });
    test("extraction parameters: no camelCase, blank, twice, too many", async () => {
      const extraction = (...names: unknown[]) => agent({ extraction_parameters: names.map((name) => ({ name, description: "d" })) });
      assert.match(
        await refused(
          () => post(extraction("order number", "OrderNumber")),
          "extraction_parameters.0.name",
          "extraction_parameters.1.name",
        ),
        /camelCase/,
      );
      await refused(() => post(extraction("a", "b", "a")), "extraction_parameters.2.name");
      await refused(
        () => post(agent({ extraction_parameters: [{ name: "a", description: " " }, {}] })),
        "extraction_parameters.0.description",
        "extraction_parameters.1.name",
        "extraction_parameters.1.description",
      );
      await refused(() => post(extraction(...Array.from({ length: 101 }, (_value, index) => `p${index}`))), "extraction_parameters");
    });
    test("keypad actions (ours): no such key, no such action, no number or a wrong one to transfer to", async () => {
      const keypad = (keypad_actions: unknown) => post(agent({ keypad_actions }));
      const hangUp = { action: "hang_up" };
      await refused(
        () => keypad({ A: hangUp, "10": hangUp, "": hangUp, "1": hangUp }),
        "keypad_actions.A",
        "keypad_actions.10",
        "keypad_actions.",
      );
      await refused(() => keypad({ "1": { action: "explode" }, "2": {} }), "keypad_actions.1.action", "keypad_actions.2.action");
      for (const to of [undefined, "", "0501234567", "+0501234567", "sip:me@example.com", "+9725012345678901"]) {
        await refused(() => keypad({ "1": { action: "transfer", to } }), "keypad_actions.1.to");
      }
      await refused(() => keypad({ "1": { action: "transfer", to: 5 } }), "keypad_actions.1.to");
      assert.match(
        await refused(() => keypad({ "1": { ...hangUp, to: "+972501234567" } }), "keypad_actions.1.to"),
        /hangs up, so it has no number/,
      );
      await refused(() => keypad(["1"]), "keypad_actions");
      await refused(() => keypad(null), "keypad_actions");
      await refused(() => post(agent({ recording_enabled: "yes" })), "recording_enabled");
    });
    test("an idempotency_key that is no uuid, and camelCase", async () => {
      await refused(() => post(agent({ idempotency_key: "abc" })), "idempotency_key");
      await refused(() => post(agent({ systemPrompt: "x" })), "systemPrompt");
    });
  });
});

describe("GET /agents and GET /agents/{id} (yappr 4.2)", () => {
  test("newest first, by page; one that is out of use stays, and says so", async () => {
    const fresh = await world.tenant();
    const key = (await fresh.key("yappr")).token;
    const ids: string[] = [];
    for (let index = 0; index < 3; index++) ids.unshift((await post(agent({ name: `Agent ${index}` }), key)).json().id);
    await send(world, "DELETE", `/agents/${ids[1]}`, { token: key });
    const get = async (query: string) => (await send(world, "GET", `/agents${query}`, { token: key })).json();
    const all = await get("");
    assert.deepEqual(
      all.data.map((one: { id: string; is_active: boolean; tools: [] }) => [one.id, one.is_active, one.tools]),
      ids.map((id, index) => [id, index !== 1, []]),
    );
    assert.deepEqual(all.pagination, { total: 3, limit: 20, offset: 0, has_more: false });
    const page = await get("?limit=1&offset=1");
    assert.deepEqual([page.data[0].id, page.pagination], [ids[1], { total: 3, limit: 1, offset: 1, has_more: true }]);
    assert.equal((await send(world, "GET", "/agents?limit=101", { token: key })).statusCode, 400);
  });
});

describe("PATCH /agents/{id} (yappr 4.2)", () => {
  test("changes what is sent, leaves the rest, and saves a version", async () => {
    const stored = await made();
    const response = await patch(stored.id, { name: "Maya", webhook_url: "https://example.com/x", greeting_message: null });
    assert.equal(response.statusCode, 200, response.body);
    const changed = response.json();
    const { updated_at } = changed;
    assert.deepEqual(changed, { ...stored, updated_at, name: "Maya", webhook_url: "https://example.com/x", greeting_message: null });
    assert.ok(updated_at >= stored.updated_at);
    const { rows } = await world.house.db.pool.query(
      "select version, settings->>'name' as name from agent_versions where agent_id = $1 order by version",
      [stored.id],
    );
    assert.deepEqual(rows, [
      { version: 1, name: "Noa" },
      { version: 2, name: "Maya" },
    ]);
  });

  test("every writable field can be changed", async () => {
    const { id } = await made();
    const response = await patch(id, { ...FULL, is_active: false });
    assert.equal(response.statusCode, 200, response.body);
    const { created_at: _created, updated_at: _updated, ...rest } = response.json();
    assert.deepEqual(rest, { ...FULL, id, type: "prompt", flow_config: null, is_active: false });
  });

  test("40 changes of different fields at once all count, and each is a version", async () => {
    const { id } = await made();
    const names = ["temperature", "vad_confidence", "background_sound_volume", "vad_stop_secs"] as const;
    const responses = await Promise.all(
      Array.from({ length: 40 }, (_value, index) => patch(id, { [names[index % 4] as string]: 0.11 + Math.floor(index / 4) / 100 })),
    );
    assert.ok(responses.every(({ statusCode }) => statusCode === 200));
    const { rows } = await world.house.db.pool.query("select version, settings from agent_versions where agent_id = $1 order by version", [
      id,
    ]);
    assert.deepEqual(
      rows.map(({ version }) => version),
      Array.from({ length: 41 }, (_value, index) => index + 1),
    );
    // Each version differs from the one before it in the one field that its request sent.
    for (let index = 1; index < rows.length; index++) {
      const changed = Object.keys(rows[index].settings).filter(
        (name) => JSON.stringify(rows[index].settings[name]) !== JSON.stringify(rows[index - 1].settings[name]),
      );
      assert.ok(changed.length <= 1, `version ${index + 1} lost a change: ${changed}`);
    }
    const stored = (await send(world, "GET", `/agents/${id}`, { token })).json();
    for (const name of names) assert.equal(stored[name], rows.at(-1)?.settings[name]);
    for (const name of names) assert.ok(stored[name] >= 0.11 && stored[name] <= 0.2, `${name} was lost`);
  });

  test("bad input: the type, a flow, nothing to change, ranges, null where null is nothing", async () => {
    const { id } = await made();
    assert.match(await refused(() => patch(id, { type: "prompt" }), "type"), /cannot be changed/);
    await refused(() => patch(id, { flow_config: null }), "flow_config");
    await refused(() => patch(id, {}), "");
    await refused(() => patch(id, { unknown: 1 }), "");
    await refused(
      () => patch(id, { name: null, temperature: null, is_active: null, extraction_parameters: null }),
      "name",
      "temperature",
      "is_active",
      "extraction_parameters",
    );
    await refused(() => patch(id, { temperature: 3, name: "" }), "temperature", "name");
    await refused(() => patch(id, { isActive: false, webhookUrl: "https://example.com" }), "isActive", "webhookUrl");
    await refused(
      () => patch(id, { webhook_url: "https://user@example.com", webhook_headers: { Host: "x" } }),
      "webhook_url",
      "webhook_headers.Host",
    );
  });
});

describe("DELETE /agents/{id} (yappr 4.2)", () => {
  test("takes the agent out of use; again is the same; PATCH brings it back", async () => {
    const { id } = await made();
    for (let time = 0; time < 2; time++) {
      const response = await send(world, "DELETE", `/agents/${id}`, { token });
      assert.deepEqual([response.statusCode, response.json()], [200, { success: true }]);
      assert.equal((await send(world, "GET", `/agents/${id}`, { token })).json().is_active, false);
    }
    assert.equal((await patch(id, { is_active: true })).json().is_active, true);
  });
});

test("an id that is unknown or another workspace's is not found, by any method (yappr 1.3)", async () => {
  const other = await world.tenant();
  const theirs = (await post(agent(), (await other.key("yappr")).token)).json();
  for (const id of [newId(), theirs.id]) {
    for (const [method, body] of [["GET"], ["PATCH", { name: "Mine now" }], ["DELETE"]] as const) {
      const response = await send(world, method, `/agents/${id}`, { token, ...(body ? { body } : {}) });
      assert.deepEqual([response.statusCode, response.json()], [404, { error: "Agent not found.", code: "NOT_FOUND" }]);
    }
  }
  assert.equal((await send(world, "GET", `/agents/${theirs.id}`, { token: (await other.key("yappr")).token })).json().name, "Noa");
  const malformed = await patch("17", { name: "x" });
  assert.deepEqual([malformed.statusCode, malformed.json().code], [404, "RESOURCE_ID_INVALID"]);
});
