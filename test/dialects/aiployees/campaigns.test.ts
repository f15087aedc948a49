import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { deactivateAgent } from "../../../src/core/agents/deactivateAgent.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { testFaults } from "../../support/faults.ts";
import { rowCounts, send, startWorld } from "../../support/world.ts";
import { expectLaravel, makeAgent, makeCampaign, nextPhone } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const { token } = await tenant.key("aiployees");
const agent = await makeAgent(tenant.ctx);

const post = (body: unknown, url = "/api/user/campaign") => send(world, "POST", url, { token, body });
const campaign = (overrides: Record<string, unknown> = {}) => ({ name: "Spring", assistant_id: agent.number, ...overrides });
const stored = async (number: number) => {
  const { rows } = await world.house.db.pool.query("select * from campaigns where workspace_id = $1 and number = $2", [
    tenant.workspace.id,
    number,
  ]);
  return rows[0];
};

async function refused(body: unknown, status: number, expected: unknown): Promise<void> {
  const before = await rowCounts(world.house, tenant.workspace.id);
  const response = await post(body);
  assert.equal(response.statusCode, status, response.body);
  assert.deepEqual(response.json(), expected);
  assert.deepEqual(await rowCounts(world.house, tenant.workspace.id), before, "something was written");
}

const ISO_MICROSECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

describe("POST /api/user/campaign (aiployees 5.3)", () => {
  test("name and assistant alone: 201, a draft with every default", async () => {
    const response = await post(campaign());
    assert.equal(response.statusCode, 201, response.body);
    const { message, data } = response.json();
    assert.equal(message, "Campaign created successfully");
    const { id, created_at, updated_at, ...rest } = data;
    assert.ok(Number.isInteger(id));
    assert.match(created_at, ISO_MICROSECONDS);
    assert.equal(updated_at, created_at);
    assert.deepEqual(rest, {
      name: "Spring",
      status: "draft",
      max_calls_in_parallel: 3,
      mark_complete_when_no_leads: true,
      allowed_hours_start_time: "00:00:00",
      allowed_hours_end_time: "23:59:00",
      allowed_days: ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"],
      max_retries: 3,
      retry_interval: 60,
    });
    const row = await stored(id);
    assert.deepEqual(
      [row.agent_id, row.time_zone, row.retry_on_voicemail, row.retry_on_goal_incomplete, row.goal_variable, row.phone_number_ids],
      [agent.id, "Asia/Jerusalem", false, false, null, []],
    );
  });

  test("every field, numbers also as strings, an overnight window, on the plural path too", async () => {
    const [one, two] = [await addPhoneNumber(tenant.ctx, { phone: nextPhone() }), await addPhoneNumber(tenant.ctx, { phone: nextPhone() })];
    const response = await post(
      campaign({
        name: "  Нощна кампания  ",
        assistant_id: String(agent.number),
        timezone: "Europe/Sofia",
        max_calls_in_parallel: 10,
        allowed_hours_start_time: "20:30",
        allowed_hours_end_time: "08:00",
        allowed_days: ["friday", "monday"],
        max_retries: "5",
        retry_interval: 4320,
        retry_on_voicemail: true,
        retry_on_goal_incomplete: 1,
        goal_completion_variable: "booked",
        mark_complete_when_no_leads: "0",
        phone_number_ids: [two.number, one.number],
      }),
      "/api/user/campaigns",
    );
    assert.equal(response.statusCode, 201, response.body);
    const { id, created_at: _, updated_at: __, ...rest } = response.json().data;
    assert.deepEqual(rest, {
      name: "Нощна кампания",
      status: "draft",
      max_calls_in_parallel: 10,
      mark_complete_when_no_leads: false,
      allowed_hours_start_time: "20:30:00",
      allowed_hours_end_time: "08:00:00",
      allowed_days: ["friday", "monday"],
      max_retries: 5,
      retry_interval: 4320,
    });
    const row = await stored(id);
    assert.deepEqual(
      [row.time_zone, row.retry_on_voicemail, row.retry_on_goal_incomplete, row.goal_variable, row.phone_number_ids],
      ["Europe/Sofia", true, true, "booked", [two.id, one.id]],
    );
  });

  test("it is an event, and takes leads at once", async () => {
    const { id } = (await post(campaign())).json().data;
    const { rows } = await world.house.db.pool.query("select type from events where workspace_id = $1 and subject_id = $2", [
      tenant.workspace.id,
      (await stored(id)).id,
    ]);
    assert.deepEqual(rows, [{ type: "campaign.created" }]);
    const lead = await send(world, "POST", "/api/user/lead", { token, body: { phone_number: nextPhone(), campaign_id: id } });
    assert.equal(lead.statusCode, 200, lead.body);
    assert.deepEqual(lead.json().data.campaign, { id, name: "Spring" });
  });

  test("an assistant that is not there, not active, or another workspace's is 404", async () => {
    const gone = await makeAgent(tenant.ctx);
    await deactivateAgent(tenant.ctx, gone.id);
    const foreign = await makeAgent((await world.tenant()).ctx);
    for (const assistant_id of [999_999_999, 0, gone.number, foreign.number]) {
      await refused(campaign({ assistant_id }), 404, { message: "Assistant not found or not an outbound assistant." });
    }
  });
});

describe("bad campaigns: 422 names every field, nothing is written (aiployees 5.3)", () => {
  const invalid = (errors: Record<string, string[]>) => ({ message: "The given data was invalid.", errors });

  test("the document's example: neither name nor assistant", async () => {
    const expected = invalid({
      name: ["The name field is required."],
      assistant_id: ["The assistant id field is required."],
    });
    await refused({}, 422, expected);
    await refused({ name: " ", assistant_id: null }, 422, expected);
  });

  test("everything wrong at once", () =>
    refused(
      {
        name: "x".repeat(256),
        assistant_id: "maya",
        timezone: "Mars/Olympus",
        max_calls_in_parallel: 11,
        allowed_hours_start_time: "24:00",
        allowed_hours_end_time: "9:00",
        allowed_days: ["monday", "funday"],
        max_retries: 0,
        retry_interval: 9,
        retry_on_voicemail: "maybe",
        retry_on_goal_incomplete: true,
        mark_complete_when_no_leads: [],
        phone_number_ids: [1, 1],
      },
      422,
      invalid({
        name: ["The name may not be greater than 255 characters."],
        assistant_id: ["The assistant id must be an integer."],
        timezone: ["The timezone must be a valid zone."],
        max_calls_in_parallel: ["The max calls in parallel may not be greater than 10."],
        allowed_hours_start_time: ["The allowed hours start time does not match the format H:i."],
        allowed_hours_end_time: ["The allowed hours end time does not match the format H:i."],
        "allowed_days.1": ["The selected allowed_days.1 is invalid."],
        max_retries: ["The max retries must be at least 1."],
        retry_interval: ["The retry interval must be at least 10."],
        retry_on_voicemail: ["The retry on voicemail field must be true or false."],
        mark_complete_when_no_leads: ["The mark complete when no leads field must be true or false."],
        phone_number_ids: ["The phone number ids field has a duplicate value."],
        goal_completion_variable: ["The goal completion variable field is required."],
      }),
    ));

  for (const [name, overrides, errors] of [
    ["a name that is no string", { name: 5 }, { name: ["The name must be a string."] }],
    ["a time zone given as an offset", { timezone: "+02:00" }, { timezone: ["The timezone must be a valid zone."] }],
    ["no parallel calls", { max_calls_in_parallel: 0 }, { max_calls_in_parallel: ["The max calls in parallel must be at least 1."] }],
    ["too many retries", { max_retries: 6 }, { max_retries: ["The max retries may not be greater than 5."] }],
    ["too long an interval", { retry_interval: 4321 }, { retry_interval: ["The retry interval may not be greater than 4320."] }],
    ["no days", { allowed_days: [] }, { allowed_days: ["The allowed days must have at least 1 items."] }],
    ["a day twice", { allowed_days: ["monday", "monday"] }, { allowed_days: ["The allowed days field has a duplicate value."] }],
    ["days that are no array", { allowed_days: "monday" }, { allowed_days: ["The allowed days must be an array."] }],
    [
      "a window of no length",
      { allowed_hours_start_time: "09:00", allowed_hours_end_time: "09:00" },
      { allowed_hours_end_time: ["The allowed hours end time and allowed hours start time must be different."] },
    ],
    [
      "too long a goal variable",
      { goal_completion_variable: "x".repeat(256) },
      { goal_completion_variable: ["The goal completion variable may not be greater than 255 characters."] },
    ],
    [
      "too many caller IDs",
      { phone_number_ids: Array.from({ length: 101 }, (_, index) => index) },
      { phone_number_ids: ["The phone number ids may not have more than 100 items."] },
    ],
    [
      "caller IDs that are no ids",
      { phone_number_ids: ["x", 1.5] },
      {
        "phone_number_ids.0": ["The phone_number_ids.0 must be an integer."],
        "phone_number_ids.1": ["The phone_number_ids.1 must be an integer."],
      },
    ],
  ] as const) {
    test(name, () => refused(campaign(overrides), 422, invalid(errors as unknown as Record<string, string[]>)));
  }

  test("a caller ID that is not there, not active, or another workspace's", async () => {
    const own = await addPhoneNumber(tenant.ctx, { phone: nextPhone() });
    const resting = await addPhoneNumber(tenant.ctx, { phone: nextPhone() });
    await world.house.db.pool.query("update phone_numbers set is_active = false where workspace_id = $1 and id = $2", [
      tenant.workspace.id,
      resting.id,
    ]);
    const foreign = await addPhoneNumber((await world.tenant()).ctx, { phone: nextPhone() });
    await refused(
      campaign({ phone_number_ids: [own.number, 999_999_999, foreign.number, resting.number] }),
      422,
      invalid({
        "phone_number_ids.1": ["The selected phone_number_ids.1 is invalid."],
        "phone_number_ids.2": ["The selected phone_number_ids.2 is invalid."],
        "phone_number_ids.3": ["The selected phone_number_ids.3 is invalid."],
      }),
    );
  });
});

describe("GET /api/user/campaigns (aiployees 5.2)", () => {
  test("a bare array of every campaign of the workspace, newest first, each with its status word (aiployees 5.6)", async () => {
    const own = await world.tenant();
    const { token: key } = await own.key("aiployees");
    const list = async () => (await send(world, "GET", "/api/user/campaigns", { token: key })).json();
    assert.deepEqual(await list(), []);
    const statuses = { draft: "draft", running: "in-progress", stopped: "stopped", completed: "completed" };
    for (const status of Object.keys(statuses)) {
      const { id } = await makeCampaign(own.ctx, status);
      await world.house.db.pool.query("update campaigns set status = $3 where workspace_id = $1 and id = $2", [
        own.workspace.id,
        id,
        status,
      ]);
    }
    const campaigns = await list();
    assert.deepEqual(
      campaigns.map((one: { name: string; status: string }) => [one.name, one.status]),
      Object.entries(statuses).reverse(),
    );
    assert.match(campaigns[0].created_at, ISO_MICROSECONDS);
    assert.equal(campaigns[0].allowed_hours_end_time, "23:59:00");
  });
});

describe("GET /api/user/assistants/outbound (aiployees 7.1, 7.4)", () => {
  test("the workspace's active agents, with the ids that campaigns take", async () => {
    const own = await world.tenant();
    const { token: key } = await own.key("aiployees");
    const maya = await makeAgent(own.ctx);
    const gone = await makeAgent(own.ctx);
    await deactivateAgent(own.ctx, gone.id);
    const response = await send(world, "GET", "/api/user/assistants/outbound", { token: key });
    assert.equal(response.statusCode, 200, response.body);
    const [{ created_at, updated_at, ...rest }, ...more] = response.json();
    assert.equal(more.length, 0);
    assert.match(created_at, ISO_MICROSECONDS);
    assert.match(updated_at, ISO_MICROSECONDS);
    assert.deepEqual(rest, {
      id: maya.number,
      name: "Maya",
      type: "outbound",
      status: "active",
      initial_message: "Hello {{customer_name}}",
      system_prompt: "You call people back.",
      webhook_url: null,
      is_webhook_active: false,
    });
    const created = await send(world, "POST", "/api/user/campaign", { token: key, body: { name: "By id", assistant_id: rest.id } });
    assert.equal(created.statusCode, 201, created.body);
  });
});

describe("faults (aiployees 1.3)", () => {
  for (const [url, wrong, supported] of [
    ["/api/user/campaign", "GET", "POST"],
    ["/api/user/campaigns", "DELETE", "POST, GET, HEAD"],
  ] as const) {
    testFaults(
      world,
      tenant,
      "aiployees",
      { method: "POST", url, body: campaign(), scope: "campaigns:write", wrongMethod: wrong },
      expectLaravel(url.slice(1), { wrong, supported }),
    );
  }
  testFaults(
    world,
    tenant,
    "aiployees",
    { method: "GET", url: "/api/user/campaigns", scope: "campaigns:read", wrongMethod: "PUT" },
    expectLaravel("api/user/campaigns", { wrong: "PUT", supported: "POST, GET, HEAD" }),
  );
  testFaults(
    world,
    tenant,
    "aiployees",
    { method: "GET", url: "/api/user/assistants/outbound", scope: "agents:read", wrongMethod: "POST" },
    expectLaravel("api/user/assistants/outbound", { wrong: "POST", supported: "GET, HEAD" }),
  );
});
