import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createList } from "../src/core/lists/createList.ts";
import { uidOf } from "../src/platform/ids.ts";
import { send, startWorld, type Tenant } from "./support/world.ts";

const world = await startWorld();

const PHONES = ["+972501000001", "+972501000002", "+972501000003"] as const;
const EMAILS = ["a@example.com", "b@example.com"] as const;
const UNIQUE_IDS = ["crm-1", "crm-2"] as const;

/** One person as one door is told of them. Few values, so that doors meet. */
type Visit =
  | { door: "yappr" | "topcalls" | "aiployees"; phone: string; email: string | null }
  | { door: "vcita"; by: "email"; email: string; uniqueId: string | null; phone: string | null }
  | { door: "vcita"; by: "unique_id"; email: string | null; uniqueId: string; phone: string | null };

const phone = fc.constantFrom(...PHONES);
const email = fc.constantFrom(...EMAILS);
const uniqueId = fc.constantFrom(...UNIQUE_IDS);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const visit: fc.Arbitrary<Visit> = fc.oneof(
  fc.record({ door: fc.constantFrom("yappr", "topcalls", "aiployees"), phone, email: maybe(email) }),
  fc.record({ door: fc.constant("vcita"), by: fc.constant("email"), email, uniqueId: maybe(uniqueId), phone: maybe(phone) }),
  fc.record({ door: fc.constant("vcita"), by: fc.constant("unique_id"), email: maybe(email), uniqueId, phone: maybe(phone) }),
);

interface House {
  tenant: Tenant;
  tokens: Record<Visit["door"], string>;
  listId: string;
  campaign: number;
}

async function openHouse(): Promise<House> {
  const tenant = await world.tenant();
  const token = async (door: Visit["door"]) => (await tenant.key(door)).token;
  const tokens = {
    yappr: await token("yappr"),
    topcalls: await token("topcalls"),
    aiployees: await token("aiployees"),
    vcita: await token("vcita"),
  };
  const list = await createList(tenant.ctx, { name: "All" });
  const made = async (door: Visit["door"], path: string, body: object) => {
    const response = await send(world, "POST", path, { token: tokens[door], body });
    assert.equal(response.statusCode, 201, response.body);
    return response.json();
  };
  await made("yappr", "/agents", { name: "Ann", system_prompt: "Be kind.", language: "en", greeting_message: "Hello" });
  const { rows } = await world.house.db.pool.query("select number from agents where workspace_id = $1", [tenant.workspace.id]);
  const campaign = await made("aiployees", "/api/user/campaign", { name: "All", assistant_id: rows[0].number });
  return { tenant, tokens, listId: list.id, campaign: campaign.data.id };
}

/** Makes the visit and returns the id of the lead that the door says it is about. */
async function pay(house: House, visit: Visit, name: string): Promise<string> {
  const token = house.tokens[visit.door];
  const given = (value: object) => Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== null));
  switch (visit.door) {
    case "yappr": {
      const response = await send(world, "POST", "/leads", { token, body: given({ phone_number: visit.phone, email: visit.email, name }) });
      assert.ok([201, 409].includes(response.statusCode), response.body);
      return response.statusCode === 201 ? response.json().id : response.json().lead_id;
    }
    case "topcalls": {
      const body = given({ phone_number: visit.phone, email: visit.email, name, list_id: house.listId });
      const response = await send(world, "POST", "/v1/leads", { token, body });
      assert.ok([200, 201].includes(response.statusCode), response.body);
      return response.json().id;
    }
    case "aiployees": {
      const variables = given({ customer_name: name, email: visit.email });
      const body = { phone_number: visit.phone, campaign_id: house.campaign, variables, allow_dupplicate: true };
      const response = await send(world, "POST", "/api/user/lead", { token, body });
      assert.equal(response.statusCode, 200, response.body);
      const { rows } = await world.house.db.pool.query("select lead_id from campaign_contacts where workspace_id = $1 and number = $2", [
        house.tenant.workspace.id,
        response.json().data.id,
      ]);
      return rows[0].lead_id;
    }
    case "vcita": {
      const body = given({
        identifier_type: visit.by,
        email: visit.email,
        unique_id: visit.uniqueId,
        phone: visit.phone,
        first_name: name,
        request_title: "Visit",
      });
      const response = await send(world, "POST", "/platform/v1/leadgen", { token, body });
      assert.equal(response.statusCode, 201, response.body);
      const { rows } = await world.house.db.pool.query("select id from leads where workspace_id = $1", [house.tenant.workspace.id]);
      const lead = rows.find(({ id }) => uidOf(id) === response.json().uid);
      assert.ok(lead, "the answered uid is no lead's");
      return lead.id;
    }
  }
}

const lookupOf = (visit: Visit): string =>
  visit.door === "vcita" ? (visit.by === "email" ? `email ${visit.email}` : `external_id ${visit.uniqueId}`) : `phone ${visit.phone}`;

const furtherOf = (visit: Visit): string[] => {
  const keys = { phone: visit.phone, email: visit.email, external_id: visit.door === "vcita" ? visit.uniqueId : null };
  return Object.entries(keys)
    .filter(([, value]) => value !== null)
    .map(([kind, value]) => `${kind} ${value}`)
    .filter((key) => key !== lookupOf(visit));
};

async function storedKeys(house: House): Promise<Map<string, string>> {
  const { rows } = await world.house.db.pool.query<{ kind: string; value: string; lead_id: string }>(
    "select kind, value, lead_id from lead_keys where workspace_id = $1",
    [house.tenant.workspace.id],
  );
  return new Map(rows.map(({ kind, value, lead_id }) => [`${kind} ${value}`, lead_id]));
}

/** What holds whatever the order was. */
async function assertSound(house: House, visits: readonly Visit[], answers: readonly string[]): Promise<void> {
  const keys = await storedKeys(house);
  visits.forEach((visit, index) => {
    assert.equal(answers[index], keys.get(lookupOf(visit)), `visit ${index} was not answered with the owner of ${lookupOf(visit)}`);
  });
  const { rows } = await world.house.db.pool.query(
    "select id, name, phone, owns_phone, email, external_id from leads where workspace_id = $1",
    [house.tenant.workspace.id],
  );
  assert.equal(rows.length, new Set(answers).size, "a lead that no answer named");
  for (const lead of rows) {
    assert.equal(lead.owns_phone, lead.phone !== null && keys.get(`phone ${lead.phone}`) === lead.id);
    const founder = visits[Number(lead.name.split(" ")[1])] as Visit;
    const given = [founder.phone, founder.email, founder.door === "vcita" ? founder.uniqueId : null];
    assert.deepEqual([lead.phone, lead.email, lead.external_id], given, "a lead is not as the visit that made it told");
  }
  for (const [key, owner] of keys) {
    const lead = rows.find(({ id }) => id === owner);
    const [kind, value] = key.split(" ") as ["phone" | "email" | "external_id", string];
    assert.equal(lead[kind], value, "a key that its lead does not have");
  }
}

test("one visit after another: each is answered as the identity rule says, through whichever doors they come", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(visit, { minLength: 2, maxLength: 12 }), async (visits) => {
      const house = await openHouse();
      const owners = new Map<string, string>();
      const answers: string[] = [];
      for (const [index, one] of visits.entries()) {
        const answer = await pay(house, one, `visit ${index}`);
        const owner = owners.get(lookupOf(one));
        if (owner === undefined) {
          assert.ok(!answers.includes(answer), "a free key was answered with a lead that was there");
          for (const key of [lookupOf(one), ...furtherOf(one).filter((further) => !owners.has(further))]) owners.set(key, answer);
        } else {
          assert.equal(answer, owner);
        }
        answers.push(answer);
      }
      assert.deepEqual([...(await storedKeys(house))].sort(), [...owners].sort());
      await assertSound(house, visits, answers);
    }),
    { numRuns: 40 },
  );
});

test("all visits at once: no key has two owners, no answer names another lead, nothing is overwritten", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(visit, { minLength: 10, maxLength: 40 }), async (visits) => {
      const house = await openHouse();
      const answers = await Promise.all(visits.map((one, index) => pay(house, one, `visit ${index}`)));
      await assertSound(house, visits, answers);
    }),
    { numRuns: 25 },
  );
});
