import assert from "node:assert/strict";
import { test } from "node:test";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { findDncEntries } from "../../../src/core/do-not-call/findDncEntries.ts";
import { newId } from "../../../src/platform/ids.ts";
import { startWorld } from "../../support/world.ts";
import { agentOf } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const other = await world.tenant();
const noa = await agentOf(tenant);
const dana = await agentOf(tenant);
const now = new Date();
const later = new Date(now.getTime() + 3_600_000);

const add = async (phone: string, terms: { agentIds?: string[]; expiresAt?: Date } = {}) =>
  (await addDncEntry(tenant.ctx, { phone, source: "api", ...terms })).entry.id;

const everyone = await add("+972501000001");
const noaOnly = await add("+972501000002", { agentIds: [noa] });
const untilLater = await add("+972501000003", { expiresAt: later });

const find = async (checks: Array<[phone: string, agentId: string]>, { workspace = tenant.workspace, at = now } = {}) =>
  (
    await findDncEntries(
      world.house.db.pool,
      checks.map(([phone, agentId]) => ({ workspaceId: workspace.id, phone, agentId })),
      at,
    )
  ).map((entry) => entry?.id);

test("many checks at once get each their own answer, in their order, also when some are the same (yappr 7.6)", async () => {
  assert.deepEqual(
    await find([
      ["+972509999999", noa],
      ["+972501000001", noa],
      ["+972501000002", dana],
      ["+972501000002", noa],
      ["+972501000001", noa],
      ["+972501000001", newId()],
    ]),
    [undefined, everyone, undefined, noaOnly, everyone, everyone],
  );
  assert.deepEqual(await find([]), []);
});

test("an entry blocks until the moment it expires, and not at it", async () => {
  assert.deepEqual(await find([["+972501000003", noa]], { at: new Date(later.getTime() - 1) }), [untilLater]);
  assert.deepEqual(await find([["+972501000003", noa]], { at: later }), [undefined]);
});

test("another workspace's entry blocks nothing", async () => {
  assert.deepEqual(await find([["+972501000001", noa]], { workspace: other.workspace }), [undefined]);
});

test("a whole entry comes back, as it is kept", async () => {
  const [entry] = await findDncEntries(
    world.house.db.pool,
    [{ workspaceId: tenant.workspace.id, phone: "+972501000002", agentId: noa }],
    now,
  );
  assert.deepEqual(
    { phone: entry?.phone, version: entry?.version, agent_ids: entry?.agent_ids, source: entry?.source },
    { phone: "+972501000002", version: 1, agent_ids: [noa], source: "api" },
  );
  assert.ok(entry && !("place" in entry));
});
