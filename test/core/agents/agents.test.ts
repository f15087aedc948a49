import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { deactivateAgent } from "../../../src/core/agents/deactivateAgent.ts";
import { getAgent } from "../../../src/core/agents/getAgent.ts";
import { listAgents } from "../../../src/core/agents/listAgents.ts";
import { updateAgent } from "../../../src/core/agents/updateAgent.ts";
import { newId } from "../../../src/platform/ids.ts";
import { startWorld } from "../../support/world.ts";

const world = await startWorld();
const settings = { name: "Noa", system_prompt: "Be kind.", language: "he", greeting_message: "Hi" };

const eventsOf = async (id: string) => {
  const { rows } = await world.house.db.pool.query("select type from events where subject_id = $1 order by id", [id]);
  return rows.map(({ type }) => type);
};

const versionsOf = async (id: string) => {
  const { rows } = await world.house.db.pool.query("select version from agent_versions where agent_id = $1 order by version", [id]);
  return rows.map(({ version }) => version);
};

describe("agents", () => {
  test("an agent can be made with a given id and number", async () => {
    const tenant = await world.tenant();
    const id = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
    const { agent, existed } = await createAgent(tenant.ctx, { settings, id, number: 7 });
    assert.deepEqual([agent.id, agent.number, agent.version, existed], [id, 7, 1, false]);
    const { agent: next } = await createAgent(tenant.ctx, { settings });
    assert.ok(next.number > 1000);
    // The same id in another workspace is another agent.
    await createAgent((await world.tenant()).ctx, { settings, id, number: 7 });
  });

  test("each save is an event and a version in the same statement; going out of use is an event alone, once", async () => {
    const tenant = await world.tenant();
    const { id } = (await createAgent(tenant.ctx, { settings })).agent;
    await updateAgent(tenant.ctx, id, { settings: { name: "Maya" } });
    await deactivateAgent(tenant.ctx, id);
    await deactivateAgent(tenant.ctx, id);
    assert.deepEqual(await eventsOf(id), ["agent.created", "agent.updated", "agent.deactivated"]);
    assert.deepEqual(await versionsOf(id), [1, 2]);
    const agent = await getAgent(tenant.ctx, id);
    assert.deepEqual([agent.version, agent.is_active, agent.settings.name, agent.settings.system_prompt], [2, false, "Maya", "Be kind."]);
  });

  test("a save that cannot write its version writes nothing", async () => {
    const tenant = await world.tenant();
    const { id } = (await createAgent(tenant.ctx, { settings })).agent;
    await world.house.db.pool.query("insert into agent_versions values ($1, $2, 2, '{}', now())", [tenant.workspace.id, id]);
    await assert.rejects(updateAgent(tenant.ctx, id, { settings: { name: "Maya" } }));
    const agent = await getAgent(tenant.ctx, id);
    assert.deepEqual([agent.version, agent.settings.name], [1, "Noa"]);
    assert.deepEqual(await eventsOf(id), ["agent.created"]);
  });

  test("each verb asks for its scope", async () => {
    const tenant = await world.tenant();
    const powerless = { ...tenant.ctx, actor: { keyId: null, scopes: new Set<never>() } };
    const { id } = (await createAgent(tenant.ctx, { settings })).agent;
    for (const [scope, ask] of [
      ["agents:create", () => createAgent(powerless, { settings })],
      ["agents:read", () => getAgent(powerless, id)],
      ["agents:read", () => listAgents(powerless, { limit: 1, offset: 0 })],
      ["agents:update", () => updateAgent(powerless, id, { settings: { name: "x" } })],
      ["agents:update", () => deactivateAgent(powerless, id)],
    ] as const) {
      await assert.rejects(async () => ask(), { kind: "forbidden", scope });
    }
  });

  test("an agent of another workspace is none", async () => {
    const { id } = (await createAgent((await world.tenant()).ctx, { settings })).agent;
    const { ctx } = await world.tenant();
    for (const ask of [
      () => getAgent(ctx, id),
      () => updateAgent(ctx, id, { settings: { name: "x" } }),
      () => deactivateAgent(ctx, id),
      () => getAgent(ctx, newId()),
    ]) {
      await assert.rejects(ask, { kind: "not_found", resource: "agent" });
    }
    assert.deepEqual(await listAgents(ctx, { limit: 10, offset: 0 }), { agents: [], total: 0 });
  });
});
