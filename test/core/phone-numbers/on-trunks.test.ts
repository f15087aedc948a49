import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { deactivateAgent } from "../../../src/core/agents/deactivateAgent.ts";
import { createCampaign } from "../../../src/core/campaigns/createCampaign.ts";
import type { Context } from "../../../src/core/context.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { listPhoneNumbers } from "../../../src/core/phone-numbers/listPhoneNumbers.ts";
import { removePhoneNumber } from "../../../src/core/phone-numbers/removePhoneNumber.ts";
import { updatePhoneNumber } from "../../../src/core/phone-numbers/updatePhoneNumber.ts";
import { addTrunk } from "../../../src/core/trunks/addTrunk.ts";
import { newId } from "../../../src/platform/ids.ts";
import { startWorld } from "../../support/world.ts";

const world = await startWorld();
const { house } = world;

let made = 0;
const newTrunk = () => addTrunk(house, { name: `Trunk ${++made}`, gateways: ["udp:sip.example.com"] });
const nextPhone = () => `+97255400${String(++made).padStart(4, "0")}`;

const placesOf = async (phone: string): Promise<Array<{ trunk: string; workspace: string }>> => {
  const { rows } = await house.db.pool.query("select trunk_id as trunk, workspace_id as workspace from trunk_numbers where phone = $1", [
    phone,
  ]);
  return rows;
};

async function newAgent(ctx: Context) {
  const { agent } = await createAgent(ctx, {
    settings: { name: "Maya", system_prompt: "You are Maya.", language: "en", greeting_message: "Hello." },
  });
  return agent;
}

async function newCampaign(ctx: Context, phoneNumbers: number[]) {
  const agent = await newAgent(ctx);
  return createCampaign(ctx, {
    name: "Recall",
    agentNumber: agent.number,
    maxParallelCalls: 1,
    windowStart: "09:00",
    windowEnd: "17:00",
    days: ["monday"],
    maxRetries: 0,
    retryIntervalMinutes: 60,
    retryOnVoicemail: false,
    retryOnGoalIncomplete: false,
    completeWhenEmpty: false,
    phoneNumbers,
  });
}

describe("a number on a trunk", () => {
  test("is written where the trunk finds whose it is, and moves and goes with the number", async () => {
    const { ctx } = await world.tenant();
    const [one, other] = [await newTrunk(), await newTrunk()];
    const agent = await newAgent(ctx);
    const phone = nextPhone();
    const number = await addPhoneNumber(ctx, { phone, trunkId: one.id, inboundAgentId: agent.id, outboundAgentId: agent.id });
    assert.deepEqual([number.trunk_id, number.inbound_agent_id, number.outbound_agent_id], [one.id, agent.id, agent.id]);
    assert.deepEqual(await placesOf(phone), [{ trunk: one.id, workspace: ctx.workspace.id }]);
    const moved = await updatePhoneNumber(ctx, phone, { trunkId: other.id });
    assert.deepEqual(moved, { ...number, trunk_id: other.id });
    assert.deepEqual(await placesOf(phone), [{ trunk: other.id, workspace: ctx.workspace.id }]);
    await updatePhoneNumber(ctx, number.id, { trunkId: other.id, friendlyName: "Desk" });
    const off = await updatePhoneNumber(ctx, number.id, { trunkId: null, inboundAgentId: null, isActive: false });
    assert.deepEqual(off, { ...number, trunk_id: null, inbound_agent_id: null, is_active: false, friendly_name: "Desk" });
    assert.deepEqual(await placesOf(phone), []);
    await updatePhoneNumber(ctx, number.id, { trunkId: one.id });
    assert.deepEqual(await removePhoneNumber(ctx, `0${phone.slice(4)}`), { ...off, trunk_id: one.id });
    assert.deepEqual([await placesOf(phone), await listPhoneNumbers(ctx)], [[], []]);
  });

  test("is refused when another workspace has it there, without saying which", async () => {
    const [mine, theirs] = [await world.tenant(), await world.tenant()];
    const trunk = await newTrunk();
    const phone = nextPhone();
    await addPhoneNumber(theirs.ctx, { phone, trunkId: trunk.id });
    const refusal = { kind: "conflict", code: "number_taken", existingId: undefined };
    await assert.rejects(addPhoneNumber(mine.ctx, { phone, trunkId: trunk.id }), (error: Error) => {
      assert.partialDeepStrictEqual({ ...error }, refusal);
      for (const secret of [theirs.workspace.id, theirs.workspace.uid, theirs.workspace.nickname ?? "", theirs.workspace.name]) {
        assert.ok(!error.message.includes(secret));
      }
      return true;
    });
    assert.deepEqual(await listPhoneNumbers(mine.ctx), [], "nothing is half-written");
    const own = await addPhoneNumber(mine.ctx, { phone });
    await assert.rejects(updatePhoneNumber(mine.ctx, phone, { trunkId: trunk.id, friendlyName: "x" }), refusal);
    assert.deepEqual(await listPhoneNumbers(mine.ctx), [own]);
    await addPhoneNumber(theirs.ctx, { phone: nextPhone(), trunkId: (await newTrunk()).id });
    assert.equal(
      (await updatePhoneNumber(mine.ctx, phone, { trunkId: (await newTrunk()).id })).phone,
      phone,
      "another trunk is another place",
    );
  });

  test("of two workspaces that add one number to one trunk at once, one gets it", async () => {
    for (let round = 0; round < 5; round++) {
      const tenants = await Promise.all(Array.from({ length: 4 }, () => world.tenant()));
      const trunk = await newTrunk();
      const phone = nextPhone();
      const outcomes = await Promise.allSettled(tenants.map(({ ctx }) => addPhoneNumber(ctx, { phone, trunkId: trunk.id })));
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      const [place, ...others] = await placesOf(phone);
      assert.equal(others.length, 0);
      const winner = tenants[outcomes.findIndex(({ status }) => status === "fulfilled")];
      assert.equal(place?.workspace, winner?.workspace.id);
      for (const { ctx } of tenants) assert.equal((await listPhoneNumbers(ctx)).length, ctx === winner?.ctx ? 1 : 0);
    }
  });

  test("moved by many at once is in the end on the trunk that it says, and on no other", async () => {
    const { ctx } = await world.tenant();
    const trunks = [await newTrunk(), await newTrunk(), await newTrunk()];
    const phone = nextPhone();
    await addPhoneNumber(ctx, { phone });
    const targets = Array.from({ length: 24 }, (_, n) => (n % 4 === 3 ? null : (trunks[n % 4]?.id ?? null)));
    await Promise.all(targets.map((trunkId) => updatePhoneNumber(ctx, phone, { trunkId })));
    const [number] = await listPhoneNumbers(ctx);
    assert.deepEqual(
      (await placesOf(phone)).map(({ trunk }) => trunk),
      number?.trunk_id ? [number.trunk_id] : [],
    );
  });

  test("needs a trunk and agents that are there", async () => {
    const { ctx } = await world.tenant();
    const stranger = await newAgent((await world.tenant()).ctx);
    const idle = await newAgent(ctx);
    await deactivateAgent(ctx, idle.id);
    const phone = nextPhone();
    await assert.rejects(addPhoneNumber(ctx, { phone, trunkId: newId() }), { kind: "not_found", resource: "trunk" });
    for (const [field, id, code] of [
      ["inboundAgentId", stranger.id, "unknown_agent"],
      ["outboundAgentId", newId(), "unknown_agent"],
      ["inboundAgentId", idle.id, "inactive_agent"],
    ] as const) {
      await assert.rejects(addPhoneNumber(ctx, { phone, [field]: id }), (error: unknown) => {
        assert.partialDeepStrictEqual({ ...(error as object) }, { kind: "invalid_input", issues: [{ path: [field], code }] });
        return true;
      });
    }
    await assert.rejects(addPhoneNumber(ctx, { phone, friendlyName: "a\nb" }), { kind: "invalid_input" });
    assert.deepEqual(await listPhoneNumbers(ctx), []);
  });

  test("is the operator's to place: no API key puts a number on a trunk, whatever its scopes", async () => {
    const { ctx } = await world.tenant();
    const trunk = await newTrunk();
    const phone = nextPhone();
    const keyed = { ...ctx, actor: { ...ctx.actor, keyId: newId() } };
    await assert.rejects(addPhoneNumber(keyed, { phone, trunkId: trunk.id }), { kind: "forbidden" });
    const number = await addPhoneNumber(keyed, { phone });
    await assert.rejects(updatePhoneNumber(keyed, phone, { trunkId: trunk.id }), { kind: "forbidden" });
    await assert.rejects(updatePhoneNumber(keyed, phone, { trunkId: null }), { kind: "forbidden" });
    assert.equal((await updatePhoneNumber(keyed, phone, { friendlyName: "Mine" })).id, number.id);
    const powerless = { ...ctx, actor: { keyId: null, scopes: new Set<never>() } };
    await assert.rejects(updatePhoneNumber(powerless, phone, { isActive: false }), { kind: "forbidden", scope: "phone_numbers:write" });
    await assert.rejects(removePhoneNumber(powerless, phone), { kind: "forbidden", scope: "phone_numbers:write" });
  });
});

describe("removing a number", () => {
  test("of nobody, of another workspace, or of nothing is not found", async () => {
    const { ctx } = await world.tenant();
    const theirs = await addPhoneNumber((await world.tenant()).ctx, { phone: nextPhone() });
    for (const name of [theirs.phone, theirs.id, newId(), "nonsense", "+1"]) {
      await assert.rejects(removePhoneNumber(ctx, name), { kind: "not_found", resource: "phone_number" });
      await assert.rejects(updatePhoneNumber(ctx, name, { isActive: false }), { kind: "not_found", resource: "phone_number" });
    }
    await assert.rejects(updatePhoneNumber(ctx, theirs.phone, {}), { kind: "invalid_input" });
  });

  test("takes it out of the pools of campaigns, but is refused while one that runs calls from it", async () => {
    const { ctx } = await world.tenant();
    const [first, second] = [await addPhoneNumber(ctx, { phone: nextPhone() }), await addPhoneNumber(ctx, { phone: nextPhone() })];
    const campaign = await newCampaign(ctx, [first.number, second.number]);
    const poolOf = async () => {
      const { rows } = await house.db.pool.query<{ phone_number_ids: string[] }>(
        "select phone_number_ids from campaigns where workspace_id = $1 and id = $2",
        [ctx.workspace.id, campaign.id],
      );
      return rows[0]?.phone_number_ids;
    };
    const setStatus = (status: string) => house.db.pool.query("update campaigns set status = $2 where id = $1", [campaign.id, status]);
    await setStatus("running");
    await assert.rejects(removePhoneNumber(ctx, first.phone), {
      kind: "conflict",
      code: "in_use",
      message: `${first.phone} is what running campaigns call from: Recall (${campaign.number}). Stop them first.`,
    });
    assert.deepEqual(await poolOf(), [first.id, second.id]);
    await setStatus("stopped");
    await removePhoneNumber(ctx, first.phone);
    assert.deepEqual(await poolOf(), [second.id]);
  });

  test("at once by 10, while campaigns are made with it: it goes once, and no campaign keeps what is gone", async () => {
    const { ctx } = await world.tenant();
    for (let round = 0; round < 5; round++) {
      const number = await addPhoneNumber(ctx, { phone: nextPhone() });
      const outcomes = await Promise.allSettled([
        ...Array.from({ length: 10 }, () => removePhoneNumber(ctx, number.phone)),
        ...Array.from({ length: 3 }, () => newCampaign(ctx, [number.number])),
      ]);
      const removals = outcomes.slice(0, 10);
      assert.equal(removals.filter(({ status }) => status === "fulfilled").length, 1);
      for (const removal of removals) if (removal.status === "rejected") assert.equal(removal.reason.kind, "not_found");
      for (const made of outcomes.slice(10)) if (made.status === "rejected") assert.equal(made.reason.kind, "invalid_input");
      const { rowCount } = await house.db.pool.query("select from campaigns where workspace_id = $1 and $2 = any (phone_number_ids)", [
        ctx.workspace.id,
        number.id,
      ]);
      assert.equal(rowCount, 0);
    }
  });
});
