import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AgentSettings } from "../../../src/core/agents/settings.ts";
import type { CallSnapshot } from "../../../src/core/events/callSnapshot.ts";
import { recordCallEvents } from "../../../src/core/events/recordCallEvents.ts";
import { startWorld } from "../../support/world.ts";
import { insertAgent, insertCall } from "./support.ts";

const world = await startWorld();
const { pool } = world.house.db;

const record = (events: Parameters<typeof recordCallEvents>[1]) =>
  world.house.db.inTransaction((client) => recordCallEvents(client, events));

async function tenantWithAgent(settings: Partial<AgentSettings>) {
  const tenant = await world.tenant();
  return { tenant, agent: await insertAgent(world.house, tenant.workspace.id, settings) };
}

async function written(workspaceId: string) {
  const events = await pool.query<{ id: string; type: string; subject_id: string; payload: CallSnapshot; created_at: Date }>(
    "select * from events where workspace_id = $1 order by id",
    [workspaceId],
  );
  const deliveries = await pool.query("select * from webhook_deliveries where workspace_id = $1 order by id", [workspaceId]);
  const jobs = await pool.query<{ payload: { deliveryId: string }; max_attempts: number }>(
    `select j.payload, j.max_attempts from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
     where t.identifier = 'deliver_webhook' and j.payload->>'workspaceId' = $1`,
    [workspaceId],
  );
  return { events: events.rows, deliveries: deliveries.rows, jobs: jobs.rows };
}

describe("recordCallEvents", () => {
  test("an event holds the call as it was then", async () => {
    const { tenant, agent } = await tenantWithAgent({});
    const answered = new Date("2026-03-01T10:00:00.000Z");
    const ended = new Date("2026-03-01T10:01:05.400Z");
    const call = await insertCall(world.house, agent, {
      status: "ended",
      outcome: "completed",
      answered_by: "human",
      ended_by: "caller",
      disconnect_reason: "Completed",
      answered_at: answered,
      ended_at: ended,
    });
    await record([{ type: "call.ended", call, at: ended }]);
    const { events, deliveries, jobs } = await written(tenant.workspace.id);
    assert.equal(events.length, 1);
    assert.equal(events[0]?.type, "call.ended");
    assert.equal(events[0]?.subject_id, call.id);
    assert.deepEqual(events[0]?.created_at, ended);
    assert.deepEqual(events[0]?.payload, {
      agent_id: agent.id,
      direction: "outbound",
      from_number: call.from_number,
      to_number: call.to_number,
      status: "ended",
      outcome: "completed",
      answered_by: "human",
      ended_by: "caller",
      disconnect_reason: "Completed",
      duration_seconds: 65,
      error: null,
      dnc_entry_id: null,
      dnc_reason: null,
      queued: false,
    });
    assert.deepEqual([deliveries, jobs], [[], []], "an agent without webhook_url has no listener");
  });

  test("each listening agent gets its own delivery and job, over many workspaces in one batch (yappr 9)", async () => {
    const all = await tenantWithAgent({ webhook_url: "https://all.example/hook", webhook_headers: { "X-Key": "k" } });
    const some = await tenantWithAgent({ webhook_url: "https://some.example/hook", webhook_events: ["call.ended"] });
    const none = await tenantWithAgent({ webhook_url: "https://none.example/hook", webhook_events: [] });
    const deaf = await tenantWithAgent({ webhook_url: null });
    const calls = await Promise.all([all, some, none, deaf].map(({ agent }) => insertCall(world.house, agent)));
    const at = new Date();
    await record(calls.flatMap((call) => [{ type: "call.started", call, at } as const, { type: "call.ended", call, at } as const]));

    const ofAll = await written(all.tenant.workspace.id);
    assert.deepEqual(ofAll.deliveries.map((one) => one.event_type).sort(), ["call.ended", "call.started"]);
    for (const delivery of ofAll.deliveries) {
      assert.equal(delivery.format, "yappr");
      assert.equal(delivery.url, "https://all.example/hook");
      assert.deepEqual(delivery.headers, { "X-Key": "k" });
      assert.equal(delivery.status, "pending");
      assert.equal(delivery.attempts, 0);
      assert.ok(ofAll.events.some((event) => event.id === delivery.event_id && event.type === delivery.event_type));
    }
    assert.deepEqual(ofAll.jobs.map((job) => job.payload.deliveryId).sort(), ofAll.deliveries.map((one) => one.id).sort());
    assert.deepEqual([...new Set(ofAll.jobs.map((job) => job.max_attempts))], [10]);

    const ofSome = await written(some.tenant.workspace.id);
    assert.deepEqual(
      ofSome.deliveries.map((one) => one.event_type),
      ["call.ended"],
    );
    assert.equal(ofSome.jobs.length, 1);
    for (const quiet of [none, deaf]) {
      const { events, deliveries, jobs } = await written(quiet.tenant.workspace.id);
      assert.deepEqual([events.length, deliveries.length, jobs.length], [2, 0, 0]);
    }
  });

  test("the version that the call pinned decides, not the agent's latest", async () => {
    const { tenant, agent } = await tenantWithAgent({ webhook_url: "https://old.example/hook" });
    const call = await insertCall(world.house, agent);
    await insertAgent(world.house, tenant.workspace.id, { webhook_url: "https://new.example/hook" }, { id: agent.id, version: 2 });
    await record([{ type: "call.started", call, at: new Date() }]);
    const { deliveries } = await written(tenant.workspace.id);
    assert.deepEqual(
      deliveries.map((one) => one.url),
      ["https://old.example/hook"],
    );
  });

  test("a rolled back transaction leaves no event, no delivery and no job", async () => {
    const { tenant, agent } = await tenantWithAgent({ webhook_url: "https://all.example/hook" });
    const call = await insertCall(world.house, agent);
    const failure = new Error("after the events");
    await assert.rejects(
      world.house.db.inTransaction(async (client) => {
        await recordCallEvents(client, [{ type: "call.started", call, at: new Date() }]);
        throw failure;
      }),
      failure,
    );
    const { events, deliveries, jobs } = await written(tenant.workspace.id);
    assert.deepEqual([events.length, deliveries.length, jobs.length], [0, 0, 0]);
  });

  test("no round trip for no events, one when nobody listens, two when somebody does, however many there are", async () => {
    const deaf = await tenantWithAgent({});
    const heard = await tenantWithAgent({ webhook_url: "https://all.example/hook" });
    const count = async (agent: typeof deaf.agent, calls: number) => {
      const rows = await Promise.all(Array.from({ length: calls }, () => insertCall(world.house, agent)));
      return world.house.db.inTransaction(async (client) => {
        let queries = 0;
        const counting = new Proxy(client, {
          get(target, name) {
            if (name === "query") queries++;
            const value: unknown = Reflect.get(target, name);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
        await recordCallEvents(
          counting,
          rows.map((call) => ({ type: "call.started", call, at: new Date() }) as const),
        );
        return queries;
      });
    };
    assert.equal(await count(deaf.agent, 0), 0);
    assert.equal(await count(deaf.agent, 20), 1);
    assert.equal(await count(heard.agent, 20), 2);
    const { deliveries, jobs } = await written(heard.tenant.workspace.id);
    assert.deepEqual([deliveries.length, jobs.length], [20, 20]);
  });
});
