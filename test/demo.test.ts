import assert from "node:assert/strict";
import { test } from "node:test";
import type { Credentials } from "../src/credentials.ts";
import { seedDemo } from "../src/demo.ts";
import { send, startWorld } from "./support/world.ts";

const world = await startWorld();
const { house } = world;

const tables = ["workspaces", "directories", "api_keys", "agents", "lists", "tags", "phone_numbers", "campaigns"];
async function rows(): Promise<number> {
  const counts = tables.map((table) => `(select count(*) from ${table})`).join(" + ");
  const result = await house.db.pool.query<{ total: number }>(`select ${counts} as total`);
  return result.rows[0]?.total ?? -1;
}

let credentials: Credentials;

test("keys that could not be written down leave the store empty, so that the next start makes them again", async () => {
  await assert.rejects(
    seedDemo(house, world.config.publicUrl, () => {
      throw new Error("the disk is full");
    }),
    /the disk is full/,
  );
  assert.equal(await rows(), 0);
});

test("processes that start at once make one demo", async () => {
  const saved: Credentials[] = [];
  const seeded = await Promise.all(Array.from({ length: 4 }, () => seedDemo(house, world.config.publicUrl, (made) => saved.push(made))));
  assert.equal(seeded.filter(Boolean).length, 1);
  assert.equal(saved.length, 1);
  assert.equal(await rows(), 1 + 1 + 6 + 1 + 1 + 1 + 1 + 1);
  [credentials] = saved as [Credentials];
});

test("a store with a workspace is left alone", async () => {
  assert.equal(await seedDemo(house, world.config.publicUrl, () => assert.fail()), false);
});

test("the demo has the ids of the documents' examples, and every key opens it", async () => {
  const { keys, demo, workspace } = credentials;
  assert.deepEqual(demo, {
    agent_id: "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    list_id: "3c90c3cc-0d44-4b50-8888-8dd25736052a",
    campaign_id: 123,
    assistant_id: demo.assistant_id,
    from: "+972551234567",
  });
  assert.equal(workspace.nickname, "demo.clinic1");
  const agent = await send(world, "GET", `/agents/${demo.agent_id}`, { token: keys.yappr });
  assert.match(agent.json().greeting_message, /\{\{LeadName\}\}/);
  const campaign = { name: "Another", assistant_id: demo.assistant_id };
  assert.equal((await send(world, "POST", "/api/user/campaign", { token: keys.aiployees, body: campaign })).statusCode, 201);
  const numbers = await send(world, "GET", "/phone-numbers", { token: keys.yappr });
  assert.ok(numbers.body.includes(demo.from));
  const lead = { phone_number: "+972501234567", tag_ids: [demo.agent_id] };
  assert.equal(
    (await send(world, "POST", "/leads", { token: keys.yappr, body: lead })).statusCode,
    201,
    "tag_ids of the document's example",
  );
  for (const token of Object.values(keys)) {
    const headers = { "x-on-behalf-of": workspace.nickname };
    const clients = await send(world, "GET", "/platform/v1/clients", { token, headers });
    assert.equal(clients.statusCode, 200, clients.body);
  }
});
