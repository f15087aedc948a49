import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createSimulator } from "../../src/carriers/simulator/simulator.ts";
import { createAgent } from "../../src/core/agents/createAgent.ts";
import { addDncEntry } from "../../src/core/do-not-call/addDncEntry.ts";
import { DIAL_CHANNEL, QUEUE_CHANNEL } from "../../src/engine/channels.ts";
import { startDispatcher } from "../../src/engine/dispatcher.ts";
import { startVoiceNode } from "../../src/engine/voice-node.ts";
import { createLog } from "../../src/platform/log.ts";
import { openListener } from "../../src/platform/postgres/listener.ts";
import { builtInConversation } from "../../src/voice/built-in-conversation.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";
import { allEnded, type CallingTenant, callingTenant } from "./support.ts";

const world = await startWorld({ roles: ["api", "dispatcher", "voice"] });
const { house } = world;
const { pool } = house.db;

let counter = 100_000;
/** Numbers that are answered: none ends in a digit that chooses another outcome. */
const nextPhone = () => `+1415${counter++}0`;

// A second dispatcher and a second voice node, as if in another process.
const log = createLog("fatal");
const listener = await openListener(world.connection, [QUEUE_CHANNEL, DIAL_CHANNEL], log);
const dispatcher = startDispatcher({ house, listener, log });
const carrier = createSimulator({ clock: house.clock, speed: 0, seed: "second" });
const node = await startVoiceNode({ house, carrier, conversation: builtInConversation, listener, log });
world.defer(() => listener.close());
world.defer(() => node.close());
world.defer(() => dispatcher.close());

// How many leases each workspace ever held at once, noted by the database itself.
await pool.query(`
  create table peaks (workspace_id uuid primary key, live integer);
  create function note_peak() returns trigger language plpgsql as $$
    begin
      insert into peaks select workspace_id, count(*) from live_calls group by workspace_id
        on conflict (workspace_id) do update set live = greatest(peaks.live, excluded.live);
      return null;
    end $$;
  create trigger note_peak after insert on live_calls for each statement execute function note_peak();`);

const peakOf = async (tenant: CallingTenant): Promise<number> =>
  (await pool.query<{ live: number }>("select live from peaks where workspace_id = $1", [tenant.workspace.id])).rows[0]?.live ?? 0;

async function assertNothingLeft(tenant: CallingTenant): Promise<void> {
  const { rows } = await pool.query(
    `select in_use, (select count(*) from live_calls l where l.workspace_id = c.workspace_id) as live,
      (select count(*) from queued_calls q where q.workspace_id = c.workspace_id) as queued
     from workspace_capacity c where workspace_id = $1`,
    [tenant.workspace.id],
  );
  assert.deepEqual(rows, [{ in_use: 0, live: 0, queued: 0 }]);
}

const eventsOf = async (tenant: CallingTenant): Promise<Map<string, string[]>> => {
  const { rows } = await pool.query<{ subject_id: string; types: string[] }>(
    "select subject_id, array_agg(type order by id) as types from events where workspace_id = $1 and type like 'call.%' group by subject_id",
    [tenant.workspace.id],
  );
  return new Map(rows.map((row) => [row.subject_id, row.types]));
};

describe("the queue, with two dispatchers and two voice nodes", () => {
  test("100 calls at once into a limit of 3: never more than 3 at once, each dialled once, every call ends", async () => {
    const tenant = await callingTenant(world, { callLimit: 3 });
    await Promise.all(Array.from({ length: 100 }, () => tenant.place(nextPhone())));
    const calls = await allEnded(tenant);
    assert.equal(calls.length, 100);
    assert.ok(calls.every(({ outcome }) => outcome === "completed"));
    assert.equal(await peakOf(tenant), 3);
    for (const types of (await eventsOf(tenant)).values()) assert.deepEqual(types, ["call.started", "call.answered", "call.ended"]);
    await assertNothingLeft(tenant);
  });

  test("drains first in, first out", async () => {
    const tenant = await callingTenant(world, { callLimit: 1 });
    const placed = await Promise.all(Array.from({ length: 20 }, () => tenant.place(nextPhone())));
    await allEnded(tenant);
    assert.equal(await peakOf(tenant), 1);
    const { rows } = await pool.query<{ call_id: string }>(
      "select call_id from call_decisions where workspace_id = $1 and verdict = 'admitted' order by id",
      [tenant.workspace.id],
    );
    assert.deepEqual(
      rows.map((row) => row.call_id),
      placed.map(({ call }) => call.id),
    );
  });

  test("many workspaces at once, each within its own limit", async () => {
    const tenants = await Promise.all([1, 2, 3, 4, 5].map((callLimit) => callingTenant(world, { callLimit })));
    await Promise.all(Array.from({ length: 100 }, (_value, index) => tenants[index % 5]?.place(nextPhone())));
    for (const [index, tenant] of tenants.entries()) {
      assert.equal((await allEnded(tenant)).length, 20);
      assert.ok((await peakOf(tenant)) <= index + 1);
      await assertNothingLeft(tenant);
    }
  });

  test("a raised limit lets queued calls go without anything else happening", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    await tenant.place(nextPhone());
    await tenant.setLimit(1);
    assert.equal((await allEnded(tenant))[0]?.outcome, "completed");
  });
});

describe("Do-Not-Call while a call waits", () => {
  test("it ends at once, never rings, and the event says that it had been queued", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    const phone = nextPhone();
    const { call } = await tenant.place(phone);
    const { entry } = await addDncEntry(tenant.ctx, { phone, reason: "No", source: "api" });
    const [row] = await tenant.calls();
    assert.deepEqual(
      [row?.status, row?.outcome, row?.dnc_entry_id, row?.dnc_reason, row?.started_at],
      ["ended", "dnc_blocked", entry.id, "No", null],
    );
    const { rows: events } = await pool.query("select type, payload -> 'queued' as queued from events where subject_id = $1", [call.id]);
    assert.deepEqual(events, [{ type: "call.dnc_blocked", queued: true }]);
    const { rows: decisions } = await pool.query("select verdict, detail from call_decisions where call_id = $1 order by id", [call.id]);
    assert.deepEqual(decisions.at(-1), { verdict: "blocked", detail: { entry_id: entry.id, entry_version: 1, entry_reason: "No" } });
    await assertNothingLeft(tenant);
  });

  test("an entry for one agent ends that agent's calls alone, and no other workspace's", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    const other = await callingTenant(world, { callLimit: 0 });
    const { agent } = await createAgent(tenant.ctx, {
      settings: { name: "Second", system_prompt: "Be kind.", language: "en", greeting_message: "Hi" },
    });
    const phone = nextPhone();
    const mine = await tenant.place(phone);
    await tenant.place(phone, { agentId: agent.id });
    await other.place(phone);
    await addDncEntry(tenant.ctx, { phone, source: "api", agentIds: [tenant.agentId] });
    const ended = [...(await tenant.calls()), ...(await other.calls())].filter(({ status }) => status === "ended");
    assert.deepEqual(
      ended.map(({ id }) => id),
      [mine.call.id],
    );
  });

  test("the dispatcher asks again: an entry that nobody cancelled calls for still blocks", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    const phone = nextPhone();
    await tenant.place(phone);
    await pool.query(
      "insert into dnc_entries (workspace_id, id, phone, source, created_at, updated_at) values ($1, gen_random_uuid(), $2, 'manual', now(), now())",
      [tenant.workspace.id, phone],
    );
    await tenant.setLimit(1);
    const [call] = await allEnded(tenant);
    assert.deepEqual([call?.outcome, call?.started_at], ["dnc_blocked", null]);
    await assertNothingLeft(tenant);
  });

  test("racing with the drain, no number rings after its entry was acknowledged", async () => {
    const tenant = await callingTenant(world, { callLimit: 0 });
    const phones = Array.from({ length: 80 }, nextPhone);
    await Promise.all(phones.map((phone) => tenant.place(phone)));
    await tenant.setLimit(2);
    await pool.query(`notify ${QUEUE_CHANNEL}`);
    await until(async () => (await tenant.calls()).some(({ started_at }) => started_at), { what: "the first call" });
    const acknowledged = new Map<string, number>();
    // From the end of the queue, so that the two meet.
    for (const phone of phones.toReversed()) {
      await addDncEntry(tenant.ctx, { phone, source: "api" });
      acknowledged.set(phone, Date.now());
    }
    const calls = await allEnded(tenant);
    assert.equal(calls.length, 80);
    for (const call of calls) {
      if (call.started_at) assert.ok(call.started_at.getTime() <= (acknowledged.get(call.to_number) ?? 0), "a blocked number rang");
      else assert.equal(call.outcome, "dnc_blocked");
    }
    assert.ok(calls.some(({ started_at }) => started_at) && calls.some(({ started_at }) => !started_at), "the two did not meet");
    await assertNothingLeft(tenant);
  });
});

test("a call that waits too long expires, with decision and event", async () => {
  const tenant = await callingTenant(world, { callLimit: 0 });
  const { call } = await tenant.place(nextPhone());
  await tenant.place(nextPhone());
  await pool.query("update queued_calls set expires_at = now() where call_id = $1", [call.id]);
  await until(async () => (await tenant.calls())[0]?.status === "ended", { what: "the expiry" });
  const [expired, waiting] = await tenant.calls();
  assert.deepEqual([expired?.outcome, expired?.disconnect_reason, expired?.started_at], ["expired", "Expired in queue", null]);
  assert.equal(waiting?.status, "queued");
  assert.deepEqual((await eventsOf(tenant)).get(call.id), ["call.failed"]);
  const { rows } = await pool.query("select verdict, reason from call_decisions where call_id = $1 order by id", [call.id]);
  assert.deepEqual(rows.at(-1), { verdict: "expired", reason: "waited_too_long" });
});
