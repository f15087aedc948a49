import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { createAgent } from "../../../src/core/agents/createAgent.ts";
import { addContact } from "../../../src/core/campaigns/addContact.ts";
import { type Campaign, DAYS } from "../../../src/core/campaigns/campaign.ts";
import { createCampaign } from "../../../src/core/campaigns/createCampaign.ts";
import type { Context } from "../../../src/core/context.ts";
import { Conflict, Forbidden, InvalidInput, NotFound } from "../../../src/core/errors.ts";
import { captureLead } from "../../../src/core/leads/captureLead.ts";
import { createList } from "../../../src/core/lists/createList.ts";
import type { Tables } from "../../../src/core/tables.ts";
import { createLog } from "../../../src/platform/log.ts";
import { openDatabase } from "../../../src/platform/postgres/database.ts";
import { rowCounts, startWorld } from "../../support/world.ts";

const world = await startWorld();
const { house } = world;
const tenant = await world.tenant();
const campaign = await makeCampaign(tenant.ctx);

async function makeCampaign(ctx: Context): Promise<Campaign> {
  const { agent } = await createAgent(ctx, {
    settings: { name: "Maya", language: "en", system_prompt: "You call people back.", greeting_message: "Hello" },
  });
  return createCampaign(ctx, {
    name: "Spring",
    agentNumber: agent.number,
    maxParallelCalls: 3,
    windowStart: "09:00",
    windowEnd: "18:00",
    days: DAYS,
    maxRetries: 3,
    retryIntervalMinutes: 60,
    retryOnVoicemail: false,
    retryOnGoalIncomplete: false,
    completeWhenEmpty: true,
    phoneNumbers: [],
  });
}

let last = 2_000_000;
const nextPhone = () => `+97250${last++}`;
const contact = (phone = nextPhone()) => ({ phone, campaignNumber: campaign.number });

/** The phone is still a contact's, but no lead's any more. */
const releasePhone = (phone: string) =>
  house.db.pool.query("delete from lead_keys where workspace_id = $1 and value = $2", [tenant.workspace.id, phone]);

describe("addContact", () => {
  test("requests that share a commit have their own outcomes, in their own workspaces", async () => {
    const other = await world.tenant();
    const otherCampaign = await makeCampaign(other.ctx);
    const phone = nextPhone();
    // The first is alone in its transaction; the others wait and share the next ones.
    const outcomes = await Promise.allSettled([
      addContact(tenant.ctx, contact()),
      addContact(tenant.ctx, contact(phone)),
      addContact(tenant.ctx, { ...contact(), campaignNumber: 999_999_999 }),
      addContact(other.ctx, { ...contact(), campaignNumber: campaign.number }),
      addContact(other.ctx, { phone, campaignNumber: otherCampaign.number }),
      addContact(tenant.ctx, contact(phone)),
      addContact(tenant.ctx, { ...contact(phone), allowDuplicate: true, secondaries: [{ phone: nextPhone() }] }),
    ]);
    const said = outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value.workspace_id : outcome.reason.constructor));
    const [own, others] = [tenant.workspace.id, other.workspace.id];
    assert.deepEqual(said, [own, own, NotFound, NotFound, others, Conflict, own]);
    const { rows } = await house.db.pool.query("select count(*) as people from leads where phone = $1", [phone]);
    assert.equal(rows[0].people, 2);
  });

  test("each contact is an event, written with it", async () => {
    const { id, lead_id, secondaries } = await addContact(tenant.ctx, { ...contact(), secondaries: [{ phone: nextPhone() }] });
    const { rows } = await house.db.pool.query(
      "select subject_id, payload from events where workspace_id = $1 and type = 'contact.created' and subject_id = any($2) order by id",
      [tenant.workspace.id, [id, secondaries[0]?.id]],
    );
    assert.deepEqual(rows, [
      { subject_id: id, payload: { campaign_id: campaign.id, lead_id, parent_id: null, status: "created" } },
      {
        subject_id: secondaries[0]?.id,
        payload: { campaign_id: campaign.id, lead_id: secondaries[0]?.lead_id, parent_id: id, status: "created" },
      },
    ]);
  });

  test("two processes at once: one phone is let in once, and its secondary contacts once", async () => {
    const db = openDatabase<Tables>({ connection: world.connection, maxConnections: 4, log: createLog("fatal") });
    after(() => db.close());
    for (let round = 0; round < 5; round++) {
      const request = { ...contact(), secondaries: [{ phone: nextPhone() }, { phone: nextPhone() }] };
      const before = await rowCounts(house, tenant.workspace.id);
      const outcomes = await Promise.allSettled(
        Array.from({ length: 60 }, (_, index) => addContact(index % 2 === 0 ? tenant.ctx : { ...tenant.ctx, db }, request)),
      );
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      assert.ok(outcomes.every((outcome) => outcome.status === "fulfilled" || outcome.reason instanceof Conflict));
      const now = await rowCounts(house, tenant.workspace.id);
      const grown = Object.fromEntries(Object.entries(now).map(([table, count]) => [table, count - (before[table] ?? 0)]));
      assert.deepEqual([grown.campaign_contacts, grown.leads, grown.lead_keys, grown.events], [3, 3, 3, 6]);
    }
  });

  test("many phones from two processes, in opposite orders: nobody is lost", async () => {
    const db = openDatabase<Tables>({ connection: world.connection, maxConnections: 4, log: createLog("fatal") });
    after(() => db.close());
    const phones = Array.from({ length: 60 }, nextPhone);
    const requests = phones.map((phone, index) => ({
      ...contact(phone),
      secondaries: [{ phone: phones[(index + 31) % phones.length] ?? "" }],
    }));
    const outcomes = await Promise.allSettled([
      ...requests.map((request) => addContact(tenant.ctx, request)),
      ...requests.toReversed().map((request) => addContact({ ...tenant.ctx, db }, request)),
    ]);
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, phones.length);
    assert.ok(outcomes.every((outcome) => outcome.status === "fulfilled" || outcome.reason instanceof Conflict));
    const { rows } = await house.db.pool.query(
      `select count(*) filter (where parent_id is null) as primaries, count(*) filter (where parent_id is not null) as secondaries,
         count(distinct lead_id) as people
       from campaign_contacts where workspace_id = $1 and phone = any($2)`,
      [tenant.workspace.id, phones],
    );
    assert.deepEqual(rows[0], { primaries: 60, secondaries: 60, people: 60 });
  });

  test("two processes, each with the other's phones as secondary contacts: neither waits for the other crosswise", async () => {
    // A deadlock is not found, and so stays one, until the request fails.
    await house.db.pool.query(`alter database ${world.connection.database} set deadlock_timeout = '1h'`);
    const open = () => openDatabase<Tables>({ connection: world.connection, maxConnections: 4, log: createLog("fatal") });
    const [here, there] = [open(), open()];
    after(() => Promise.all([here.close(), there.close()]));
    for (let round = 0; round < 2; round++) {
      const pairs = Array.from({ length: 20 }, () => [nextPhone(), nextPhone()] as const);
      const made = await Promise.all([
        ...pairs.map(([one, other]) => addContact({ ...tenant.ctx, db: here }, { ...contact(one), secondaries: [{ phone: other }] })),
        ...pairs.map(([one, other]) => addContact({ ...tenant.ctx, db: there }, { ...contact(other), secondaries: [{ phone: one }] })),
      ]);
      const people = new Set(made.flatMap(({ lead_id, secondaries }) => [lead_id, ...secondaries.map((secondary) => secondary.lead_id)]));
      assert.equal(people.size, 40);
    }
  });

  test("at once with another door: the phone is one person", async () => {
    const { id: listId } = await createList(tenant.ctx, { name: "Web" });
    for (let round = 0; round < 10; round++) {
      const phone = `+9725015${10_000 + round}`;
      const [here, there] = await Promise.all([
        addContact(tenant.ctx, contact(phone)),
        captureLead(tenant.ctx, { phone, name: "Dana", listId }),
      ]);
      assert.equal(here.lead_id, there.lead.id);
    }
  });

  test("a phone that is a contact but nobody's any more: refused, and no lead is left, also among others", async () => {
    const phone = nextPhone();
    await addContact(tenant.ctx, contact(phone));
    await releasePhone(phone);
    const before = await rowCounts(house, tenant.workspace.id);
    await assert.rejects(addContact(tenant.ctx, { ...contact(phone), secondaries: [{ phone: nextPhone() }] }), Conflict);
    assert.deepEqual(await rowCounts(house, tenant.workspace.id), before);
    const outcomes = await Promise.allSettled([
      addContact(tenant.ctx, contact()),
      addContact(tenant.ctx, contact()),
      addContact(tenant.ctx, contact(phone)),
      addContact(tenant.ctx, contact()),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ["fulfilled", "fulfilled", "rejected", "fulfilled"],
    );
    const after = await rowCounts(house, tenant.workspace.id);
    assert.deepEqual([(after.leads ?? 0) - (before.leads ?? 0), (after.campaign_contacts ?? 0) - (before.campaign_contacts ?? 0)], [3, 3]);
    // With permission, the phone gets a person again.
    const again = await addContact(tenant.ctx, { ...contact(phone), allowDuplicate: true });
    assert.equal(again.is_first, false);
  });

  test("every wrong field is named, in core's words", async () => {
    const wrong = await addContact(tenant.ctx, {
      ...contact("0501234567"),
      variables: { "": 1 },
      secondaries: [{ phone: "+1" }, ...Array.from({ length: 10 }, () => ({ phone: nextPhone() }))],
    }).catch((error: unknown) => error);
    assert.ok(wrong instanceof InvalidInput);
    assert.deepEqual(
      wrong.issues.map(({ path, code }) => [path.join("."), code]),
      [
        ["phone", "invalid_phone_number"],
        ["variables", "invalid_name"],
        ["secondaries.0.phone", "invalid_phone_number"],
        ["secondaries", "too_many_items"],
      ],
    );
  });

  test("needs the scope leads:write", async () => {
    const ctx: Context = { ...tenant.ctx, actor: { keyId: null, scopes: new Set(["leads:read", "campaigns:write"]) } };
    await assert.rejects(addContact(ctx, contact()), Forbidden);
  });
});
