import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { updateDncEntry } from "../../../src/core/do-not-call/updateDncEntry.ts";
import { newId } from "../../../src/platform/ids.ts";
import { startWorld } from "../../support/world.ts";
import { agentOf, callStates, queueCall } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const other = await world.tenant();
const noa = await agentOf(tenant);
const dana = await agentOf(tenant);
const theirs = await agentOf(other);

let counter = 1_000_000;
const nextPhone = () => `+97250${counter++}`;
const blocked = (entryId: string) => ["dnc_blocked", entryId, false];
const waiting = ["queued", null, true];

describe("a number that is blocked while calls to it wait", () => {
  test("ends them all, of every agent; other numbers and other workspaces wait on", async () => {
    const phone = nextPhone();
    const calls = [
      await queueCall(world, tenant, noa, phone),
      await queueCall(world, tenant, dana, phone),
      await queueCall(world, tenant, noa, nextPhone()),
      await queueCall(world, other, theirs, phone),
    ];
    const { entry } = await addDncEntry(tenant.ctx, { phone, source: "api", reason: "Asked to" });
    assert.deepEqual(await callStates(world, calls), [blocked(entry.id), blocked(entry.id), waiting, waiting]);
    const { rows } = await world.house.db.pool.query(
      "select verdict, detail->>'entry_version' as version from call_decisions where call_id = $1",
      [calls[0]],
    );
    assert.deepEqual(rows, [{ verdict: "blocked", version: "1" }]);
  });

  test("ends only the calls of the agents it is blocked for, and the rest when it is widened", async () => {
    const phone = nextPhone();
    const calls = [await queueCall(world, tenant, noa, phone), await queueCall(world, tenant, dana, phone)];
    const { entry } = await addDncEntry(tenant.ctx, { phone, source: "api", agentIds: [noa] });
    assert.deepEqual(await callStates(world, calls), [blocked(entry.id), waiting]);
    const after = await updateDncEntry(tenant.ctx, entry.id, { agentIds: [] });
    assert.deepEqual(await callStates(world, calls), [blocked(entry.id), blocked(entry.id)]);
    assert.equal(after.version, 2);
  });

  test("a number that is blocked already: the entry that is there decides", async () => {
    const phone = nextPhone();
    await addDncEntry(tenant.ctx, { phone, source: "api", agentIds: [noa] });
    const call = await queueCall(world, tenant, dana, phone);
    await addDncEntry(tenant.ctx, { phone, source: "api" });
    assert.deepEqual(await callStates(world, [call]), [waiting]);
  });

  test("an expired entry blocks nothing until its expiry is moved", async () => {
    const phone = nextPhone();
    const { entry } = await addDncEntry(tenant.ctx, { phone, source: "api", expiresAt: new Date(Date.now() + 60_000) });
    await world.house.db.pool.query("update dnc_entries set expires_at = now() - interval '1 second' where id = $1", [entry.id]);
    const call = await queueCall(world, tenant, noa, phone);
    await updateDncEntry(tenant.ctx, entry.id, { reason: "Still expired" });
    assert.deepEqual(await callStates(world, [call]), [waiting]);
    await updateDncEntry(tenant.ctx, entry.id, { expiresAt: null });
    assert.deepEqual(await callStates(world, [call]), [blocked(entry.id)]);
  });

  test("a refused change ends no call", async () => {
    const phone = nextPhone();
    const call = await queueCall(world, tenant, noa, phone);
    await assert.rejects(addDncEntry(tenant.ctx, { phone, source: "api", agentIds: [newId()] }), { kind: "invalid_input" });
    await assert.rejects(addDncEntry(tenant.ctx, { phone, source: "api", expiresAt: new Date(0) }), { kind: "invalid_input" });
    assert.deepEqual(await callStates(world, [call]), [waiting]);
  });

  test("40 requests at once end each of 20 calls once", async () => {
    const phone = nextPhone();
    const calls = await Promise.all(Array.from({ length: 20 }, () => queueCall(world, tenant, noa, phone)));
    const added = await Promise.all(Array.from({ length: 40 }, () => addDncEntry(tenant.ctx, { phone, source: "api" })));
    const id = added[0]?.entry.id ?? "";
    assert.ok(added.every(({ entry }) => entry.id === id));
    assert.deepEqual(
      await callStates(world, calls),
      calls.map(() => blocked(id)),
    );
    const { rows } = await world.house.db.pool.query(
      "select subject_id from events where type = 'call.dnc_blocked' and subject_id = any($1)",
      [calls],
    );
    assert.equal(rows.length, calls.length);
  });
});
