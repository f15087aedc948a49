import assert from "node:assert/strict";
import { test } from "node:test";
import type { Carrier } from "../../src/carriers/carrier.ts";
import { createSimulator } from "../../src/carriers/simulator/simulator.ts";
import { addDncEntry } from "../../src/core/do-not-call/addDncEntry.ts";
import { DIAL_CHANNEL, QUEUE_CHANNEL } from "../../src/engine/channels.ts";
import { startDispatcher } from "../../src/engine/dispatcher.ts";
import { startVoiceNode } from "../../src/engine/voice-node.ts";
import { createLog } from "../../src/platform/log.ts";
import { openListener } from "../../src/platform/postgres/listener.ts";
import { builtInConversation } from "../../src/voice/built-in-conversation.ts";
import { startWorld } from "../support/world.ts";
import { allEnded, callingTenant } from "./support.ts";
import { numberOn, testTrunk } from "./trunks.ts";

const world = await startWorld();
const { house } = world;
const { pool } = house.db;
const log = createLog("fatal");

let counter = 100_000;
const nextPhone = () => `+1415${counter++}0`;

/** Dials every trunk as if it were none. */
const simulator = createSimulator({ clock: house.clock, speed: 0, seed: "trunks" });
const carrier: Carrier = { dial: (request, handler) => simulator.dial({ ...request, trunkId: null }, handler) };

// Two dispatchers and three voice nodes, each with ears of its own, as if in five processes.
for (let index = 0; index < 2; index++) {
  const listener = await openListener(world.connection, [QUEUE_CHANNEL], log);
  const dispatcher = startDispatcher({ house, listener, log });
  world.defer(() => listener.close());
  world.defer(() => dispatcher.close());
}
for (let index = 0; index < 3; index++) {
  const listener = await openListener(world.connection, [DIAL_CHANNEL], log);
  const node = await startVoiceNode({ house, carrier, conversation: builtInConversation, listener, log, maxCalls: 4 });
  world.defer(() => listener.close());
  world.defer(() => node.close());
}

// Noted by the database itself: the most channels that were ever counted, and ever held.
await pool.query(`
  create table trunk_peaks (trunk_id uuid primary key, in_use integer not null default 0, held integer not null default 0);
  create function note_in_use() returns trigger language plpgsql as $$
    begin
      insert into trunk_peaks (trunk_id, in_use) values (new.trunk_id, new.in_use)
        on conflict (trunk_id) do update set in_use = greatest(trunk_peaks.in_use, excluded.in_use);
      return null;
    end $$;
  create trigger note_in_use after update on trunk_capacity for each row execute function note_in_use();
  create function note_held() returns trigger language plpgsql as $$
    begin
      insert into trunk_peaks (trunk_id, held) select trunk_id, count(*) from live_calls where holds_channel group by trunk_id
        on conflict (trunk_id) do update set held = greatest(trunk_peaks.held, excluded.held);
      return null;
    end $$;
  create trigger note_held after insert on live_calls for each statement execute function note_held();`);

test("parallel calls of four workspaces over two trunks and none: never above a limit, nothing left, nobody forgotten", async () => {
  const trunks = [await testTrunk(world, 3), await testTrunk(world, 2)];
  const tenants = await Promise.all([2, 5, 50, 50].map((callLimit) => callingTenant(world, { callLimit })));
  const doors = await Promise.all(
    tenants.map(async (tenant) => ({ tenant, froms: [...(await Promise.all(trunks.map((trunk) => numberOn(trunk, tenant)))), undefined] })),
  );
  const placing = doors.flatMap(({ tenant, froms }) =>
    Array.from({ length: 60 }, (_value, index) => {
      const from = froms[index % froms.length];
      return tenant.place(nextPhone(), from ? { from } : {});
    }),
  );
  const placed = await Promise.all(placing);
  // Some leave the queue by another door, while the others move up.
  const waiting = placed.filter(({ call }) => call.status === "queued").slice(-30);
  await Promise.all(
    waiting.map(({ call }, index) => {
      if (index % 2) return pool.query("update queued_calls set expires_at = now() where call_id = $1", [call.id]);
      return Promise.all(tenants.map((tenant) => addDncEntry(tenant.ctx, { phone: call.to, source: "api" })));
    }),
  );
  for (const tenant of tenants) {
    const calls = await allEnded(tenant);
    assert.equal(calls.length, 60);
    assert.ok(calls.every(({ outcome }) => outcome === "completed" || outcome === "dnc_blocked" || outcome === "expired"));
  }
  const { rows: peaks } = await pool.query("select trunk_id, in_use, held from trunk_peaks where trunk_id = any($1) order by in_use desc", [
    trunks.map(({ id }) => id),
  ]);
  assert.deepEqual(peaks, [
    { trunk_id: trunks[0]?.id, in_use: 3, held: 3 },
    { trunk_id: trunks[1]?.id, in_use: 2, held: 2 },
  ]);
  for (const trunk of trunks) assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  const { rows: left } = await pool.query("select from workspace_capacity where in_use <> 0 union all select from queued_calls");
  assert.deepEqual(left, []);
});

test("a raised limit lets waiting calls go without anything else happening", async () => {
  const [trunk, tenant] = [await testTrunk(world, 1), await callingTenant(world, { callLimit: 1 })];
  const other = await callingTenant(world);
  const from = await numberOn(trunk, tenant);
  // Somebody holds the only channel for good.
  await pool.query("update trunk_capacity set in_use = 1 where trunk_id = $1", [trunk.id]);
  const otherFrom = await numberOn(trunk, other);
  assert.equal((await tenant.place(nextPhone(), { from })).call.status, "queued");
  assert.equal((await other.place(nextPhone(), { from: otherFrom })).call.status, "queued");
  await trunk.setLimit(2);
  for (const one of [tenant, other]) assert.equal((await allEnded(one))[0]?.outcome, "completed");
});
