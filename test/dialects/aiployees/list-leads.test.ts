import assert from "node:assert/strict";
import { request } from "node:http";
import { json } from "node:stream/consumers";
import { describe, test } from "node:test";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { testFaults } from "../../support/faults.ts";
import { send, startWorld } from "../../support/world.ts";
import { expectLaravel, makeCampaign, nextPhone } from "./support.ts";

const world = await startWorld({ environment: { PUBLIC_URL: "https://leads.example.com/" } });
const base = "https://leads.example.com/api/user/leads";
const tenant = await world.tenant();
const { token } = await tenant.key("aiployees");
const campaign = await makeCampaign(tenant.ctx);

interface Item {
  id: number;
  phone_number: string;
  secondary_contacts: Item[];
}

const list = (query = "", key = token) => send(world, "GET", `/api/user/leads${query}`, { token: key });
const ids = async (query: string): Promise<number[]> => {
  const response = await list(query);
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data.map((lead: Item) => lead.id);
};
const create = async (body: Record<string, unknown>, key = token): Promise<Item> => {
  const response = await send(world, "POST", "/api/user/lead", { token: key, body });
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data;
};
const lead = (overrides: Record<string, unknown> = {}) => ({ phone_number: nextPhone(), campaign_id: campaign.number, ...overrides });
const set = (id: number, column: "status" | "created_at", value: string) =>
  world.house.db.pool.query(`update campaign_contacts set ${column} = $3 where workspace_id = $1 and number = $2`, [
    tenant.workspace.id,
    id,
    value,
  ]);

describe("GET /api/user/leads (aiployees 4.2)", () => {
  test("an item is what the create answered, with its secondary contacts nested and not listed for themselves", async () => {
    const created = await create(
      lead({
        variables: { customer_name: "Ana" },
        secondary_contacts: [{ phone_number: nextPhone(), variables: { n: 1 } }, { phone_number: nextPhone() }],
      }),
    );
    const { data, total } = (await list(`?phone_number=${created.phone_number.slice(1)}`)).json();
    assert.deepEqual(data, [created]);
    assert.equal(total, 1);
    assert.deepEqual(await ids(`?phone_number=${encodeURIComponent(created.secondary_contacts[0]?.phone_number ?? "")}`), []);
  });

  test("an empty page as Laravel gives it (aiployees 1.5)", async () => {
    const empty = await world.tenant();
    const { token: key } = await empty.key("aiployees");
    const response = await list("", key);
    assert.deepEqual(response.json(), {
      current_page: 1,
      data: [],
      first_page_url: `${base}?page=1`,
      from: null,
      last_page: 1,
      last_page_url: `${base}?page=1`,
      links: [
        { url: null, label: "&laquo; Previous", active: false },
        { url: `${base}?page=1`, label: "1", active: true },
        { url: null, label: "Next &raquo;", active: false },
      ],
      next_page_url: null,
      path: base,
      per_page: 15,
      prev_page_url: null,
      to: null,
      total: 0,
    });
    assert.deepEqual(Object.keys(response.json()), [
      "current_page",
      "data",
      "first_page_url",
      "from",
      "last_page",
      "last_page_url",
      "links",
      "next_page_url",
      "path",
      "per_page",
      "prev_page_url",
      "to",
      "total",
    ]);
  });

  test("pages: newest first, each lead on one page, links keep the filters (aiployees 1.5)", async () => {
    const paged = await makeCampaign(tenant.ctx, "Paged");
    const made: number[] = [];
    for (let index = 0; index < 5; index++) {
      made.unshift((await create(lead({ campaign_id: paged.number, secondary_contacts: [{ phone_number: nextPhone() }] }))).id);
    }
    const filter = `campaign_id=${paged.number}&per_page=2`;
    assert.deepEqual(await ids(`?${filter}`), made.slice(0, 2));
    assert.deepEqual(await ids(`?${filter}&page=3`), made.slice(4));
    const { data, links, ...page } = (await list(`?${filter}&page=2`)).json();
    assert.deepEqual(
      data.map(({ id }: Item) => id),
      made.slice(2, 4),
    );
    assert.deepEqual(page, {
      current_page: 2,
      first_page_url: `${base}?${filter}&page=1`,
      from: 3,
      last_page: 3,
      last_page_url: `${base}?${filter}&page=3`,
      next_page_url: `${base}?${filter}&page=3`,
      path: base,
      per_page: 2,
      prev_page_url: `${base}?${filter}&page=1`,
      to: 4,
      total: 5,
    });
    assert.deepEqual(
      links.map(({ label, active }: { label: string; active: boolean }) => (active ? `[${label}]` : label)),
      ["&laquo; Previous", "1", "[2]", "3", "Next &raquo;"],
    );
    const beyond = (await list(`?${filter}&page=9`)).json();
    assert.deepEqual([beyond.data, beyond.from, beyond.to, beyond.last_page, beyond.next_page_url], [[], null, null, 3, null]);
  });

  test("15 on a page unless told otherwise, at most 100", async () => {
    const many = await makeCampaign(tenant.ctx, "Many");
    await Promise.all(Array.from({ length: 101 }, () => create(lead({ campaign_id: many.number }))));
    assert.equal((await ids(`?campaign_id=${many.number}`)).length, 15);
    assert.equal((await ids(`?campaign_id=${many.number}&per_page=100`)).length, 100);
    assert.equal((await ids(`?campaign_id=${many.number}&per_page=100&page=2`)).length, 1);
  });

  test("status: each wire word is its own (aiployees 4.5)", async () => {
    const states = await makeCampaign(tenant.ctx, "States");
    const words = {
      created: "created",
      scheduled: "scheduled",
      processing: "processing",
      completed: "completed",
      rescheduled: "rescheduled",
      "reached-max-retries": "exhausted",
      blacklisted: "blocked",
    };
    for (const [word, stored] of Object.entries(words)) {
      const { id } = await create(lead({ campaign_id: states.number }));
      await set(id, "status", stored);
      const { data } = (await list(`?campaign_id=${states.number}&status=${word}`)).json();
      assert.deepEqual(
        data.map((item: { id: number; status: string }) => [item.id, item.status]),
        [[id, word]],
      );
    }
  });

  test("phone_number: any part of it, with or without the plus and separators", async () => {
    const { id, phone_number } = await create(lead({ phone_number: "+359879555777" }));
    for (const part of [phone_number, "359879555777", "79555", "+359 87-95", " 359879555777"]) {
      assert.deepEqual(await ids(`?phone_number=${encodeURIComponent(part)}`), [id], part);
    }
    // An unencoded plus arrives as a space.
    assert.deepEqual(await ids("?phone_number=+359879555777"), [id]);
    assert.deepEqual(await ids("?phone_number=4242424242"), []);
  });

  test("date_from and date_to are whole days of creation in UTC, both inclusive", async () => {
    const dated = await makeCampaign(tenant.ctx, "Dated");
    const at = async (time: string) => {
      const { id } = await create(lead({ campaign_id: dated.number }));
      await set(id, "created_at", time);
      return id;
    };
    const before = await at("2025-02-27T23:59:59.999Z");
    const first = await at("2025-02-28T00:00:00Z");
    const last = await at("2025-03-01T23:59:59.999Z");
    const after = await at("2025-03-02T00:00:00Z");
    const within = (query: string) => ids(`?campaign_id=${dated.number}&${query}`);
    assert.deepEqual(await within("date_from=2025-02-28&date_to=2025-03-01"), [last, first]);
    assert.deepEqual(await within("date_from=2025-03-01"), [after, last]);
    assert.deepEqual(await within("date_to=2025-02-28"), [first, before]);
    assert.deepEqual(await within("date_from=2025-02-28&date_to=2025-02-28"), [first]);
    assert.equal((await within("date_from=0001-01-01&date_to=9999-12-31")).length, 4);
  });

  test("empty filters are none; unknown ones are ignored", async () => {
    const all = (await list("?per_page=100")).json().total;
    const response = await list("?status=&campaign_id=&phone_number=&date_from=&date_to=&per_page=&page=&folder=3");
    assert.equal(response.statusCode, 200, response.body);
    assert.equal(response.json().total, all);
    assert.equal(response.json().per_page, 15);
  });

  test("a target in absolute form is answered like its path (RFC 9112 3.2.2), here and where there is no route", async () => {
    const ask = async (target: string) => {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const { hostname, port } = new URL(world.app.url ?? "");
      request({ hostname, port, path: target, headers: { authorization: `Bearer ${token}` } }, (response) => resolve(json(response)))
        .on("error", reject)
        .end();
      return promise;
    };
    const direct = await list("?per_page=1");
    assert.deepEqual(await ask("http://any.example/api/user/leads?per_page=1"), direct.json());
    assert.deepEqual(await ask("HTTP://any.example/api/nope"), { message: "The route api/nope could not be found." });
    assert.match(JSON.stringify(await ask("http://any.example?x=1")), /"endpoints"/);
  });

  test("another workspace's leads and campaigns are not there", async () => {
    const other = await world.tenant();
    const { token: key } = await other.key("aiployees");
    const foreign = await makeCampaign(other.ctx);
    const { id, phone_number } = await create({ phone_number: nextPhone(), campaign_id: foreign.number }, key);
    assert.deepEqual(await ids(`?campaign_id=${foreign.number}`), []);
    assert.deepEqual(await ids(`?phone_number=${phone_number.slice(1)}`), []);
    assert.deepEqual(await ids("?campaign_id=999999999"), []);
    const own = (await list("", key)).json();
    assert.deepEqual(
      own.data.map((item: Item) => item.id),
      [id],
    );
    assert.equal(own.total, 1);
  });

  test("a number blocked at intake is listed as blacklisted", async () => {
    const phone_number = nextPhone();
    await addDncEntry(tenant.ctx, { phone: phone_number, source: "manual" });
    const { id } = await create(lead({ phone_number }));
    assert.ok((await ids("?status=blacklisted")).includes(id));
  });
});

describe("bad filters: 422 names every one", () => {
  test("all at once", async () => {
    const response = await list("?status=contacted&campaign_id=x&phone_number=abc&date_from=2025-02-30&date_to=1.1.2025&per_page=0&page=0");
    assert.equal(response.statusCode, 422);
    assert.deepEqual(response.json(), {
      message: "The given data was invalid.",
      errors: {
        status: ["The selected status is invalid."],
        campaign_id: ["The campaign id must be an integer."],
        phone_number: ["Invalid phone number"],
        date_from: ["The date from does not match the format Y-m-d."],
        date_to: ["The date to does not match the format Y-m-d."],
        per_page: ["The per page must be at least 1."],
        page: ["The page must be at least 1."],
      },
    });
  });

  for (const [query, field, sentence] of [
    ["per_page=101", "per_page", "The per page may not be greater than 100."],
    ["per_page=1.5", "per_page", "The per page must be an integer."],
    ["page=99999999999999999999", "page", "The page may not be greater than 1000000000."],
    ["status=created&status=completed", "status", "The status must be a string."],
    ["phone_number=%25", "phone_number", "Invalid phone number"],
    [`phone_number=${"1".repeat(50)}`, "phone_number", "Invalid phone number"],
    ["date_from=2025-06-30T00:00:00Z", "date_from", "The date from does not match the format Y-m-d."],
    ["date_from=2025-03-02&date_to=2025-03-01", "date_to", "The date to must be a date after or equal to date from."],
  ] as const) {
    test(query.slice(0, 60), async () => {
      const response = await list(`?${query}`);
      assert.equal(response.statusCode, 422, response.body);
      assert.deepEqual(response.json().errors, { [field]: [sentence] });
    });
  }
});

describe("faults (aiployees 1.3)", () => {
  testFaults(
    world,
    tenant,
    "aiployees",
    { method: "GET", url: "/api/user/leads", scope: "leads:read", wrongMethod: "POST" },
    expectLaravel("api/user/leads", { wrong: "POST", supported: "GET, HEAD" }),
  );
});
