import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, describe, test } from "node:test";
import { Webhook } from "standardwebhooks";
import type { AgentSettings } from "../../../src/core/agents/settings.ts";
import type { Call } from "../../../src/core/calls/row.ts";
import { InvalidInput, NotFound } from "../../../src/core/errors.ts";
import { type CallEventType, recordCallEvents } from "../../../src/core/events/recordCallEvents.ts";
import { createDeliverWebhook } from "../../../src/core/webhooks/deliver.ts";
import type { Delivery } from "../../../src/core/webhooks/delivery.ts";
import { listDeliveries } from "../../../src/core/webhooks/listDeliveries.ts";
import { replayDelivery } from "../../../src/core/webhooks/replayDelivery.ts";
import { rotateWebhookSecret } from "../../../src/core/workspaces/rotateWebhookSecret.ts";
import { wordWebhook } from "../../../src/dialects/yappr/webhook.ts";
import { newId } from "../../../src/platform/ids.ts";
import { TryLater } from "../../../src/platform/jobs/jobs.ts";
import { createOutbound } from "../../../src/platform/outbound/outbound.ts";
import { until } from "../../support/until.ts";
import { startWorld, type Tenant } from "../../support/world.ts";
import { insertAgent, insertCall } from "../events/support.ts";
import { type Receiver, startReceiver } from "./receiver.ts";

const world = await startWorld();
const { house } = world;
const outbound = createOutbound({ allowPrivate: true, timeoutMs: 30_000, maxResponseBytes: 1_000 });
after(() => outbound.close());
const deliver = createDeliverWebhook({ house, outbound, renderers: { yappr: wordWebhook } });

/** A tenant whose agent reports to a receiver, with one delivery to make. */
async function givenDelivery(
  options: { settings?: Partial<AgentSettings>; type?: CallEventType; call?: Partial<Call>; queued?: boolean; at?: Date } = {},
) {
  const receiver = await startReceiver();
  const tenant = await world.tenant();
  const agent = await insertAgent(house, tenant.workspace.id, { webhook_url: `${receiver.url}/hook?key=1`, ...options.settings });
  const call = await insertCall(house, agent, options.call);
  const { type = "call.started", at = new Date(), queued = false } = options;
  await house.db.inTransaction((client) => recordCallEvents(client, [{ type, call, at, queued }]));
  const [delivery] = await deliveriesOf(tenant);
  assert.ok(delivery);
  const key = { workspaceId: tenant.workspace.id, deliveryId: delivery.id };
  const attempt = (number: number, last = false, signal = new AbortController().signal) => deliver(key, { number, last, signal });
  return { receiver, tenant, agent, call, id: delivery.id, attempt, now: () => deliveryOf(tenant) };
}

const deliveriesOf = (tenant: Tenant) => listDeliveries(house, { workspaceId: tenant.workspace.id, limit: 100 });

async function deliveryOf(tenant: Tenant): Promise<Delivery> {
  const [delivery, ...others] = await deliveriesOf(tenant);
  assert.ok(delivery);
  assert.equal(others.length, 0);
  return delivery;
}

const state = ({ status, attempts, response_status, last_error }: Delivery) => ({ status, attempts, response_status, last_error });

const verify = ({ received }: Receiver, secret: string) =>
  received.map(({ raw, headers }) =>
    new Webhook(secret).verify(raw, Object.fromEntries(Object.entries(headers).map(([k, v]) => [k, String(v)]))),
  );

const jobsFor = async (deliveryId: string) =>
  (
    await house.db.pool.query<{ attempts: number; due: boolean }>(
      `select attempts, run_at <= now() as due from graphile_worker._private_jobs where payload->>'deliveryId' = $1 and attempts < max_attempts`,
      [deliveryId],
    )
  ).rows;

describe("one attempt", () => {
  test("a 2xx answer: delivered, and the signature is good for Standard Webhooks", async () => {
    const { receiver, tenant, agent, call, id, attempt, now } = await givenDelivery();
    receiver.answers.push(202);
    await attempt(1);
    const delivery = await now();
    assert.deepEqual(state(delivery), { status: "delivered", attempts: 1, response_status: 202, last_error: null });
    assert.ok(delivery.delivered_at);
    const [request] = receiver.received;
    assert.equal(request?.path, "/hook?key=1");
    assert.equal(request?.headers["content-type"], "application/json");
    assert.equal(request?.headers["webhook-id"], id);
    assert.match(String(request?.headers["webhook-signature"]), /^v1,/);
    const [verified] = verify(receiver, tenant.webhookSecret);
    assert.deepEqual(verified, request?.body);
    assert.equal(request?.body.call_id, call.id);
    assert.equal(request?.body.agent_id, agent.id);
    assert.throws(() => verify(receiver, `whsec_${Buffer.from("another secret of 24 byt").toString("base64")}`));
  });

  for (const status of [500, 404, 429, 301, 302, 307]) {
    test(`a ${status} answer: tried again later`, async () => {
      const { receiver, attempt, now } = await givenDelivery();
      receiver.answers.push(status);
      await assert.rejects(attempt(1), TryLater);
      const { status: after, attempts, response_status, last_error } = await now();
      assert.deepEqual([after, attempts, response_status], ["pending", 1, status]);
      assert.match(last_error ?? "", new RegExp(`answered ${status}`));
      assert.equal(receiver.received.length, 1, "a redirect is not followed");
    });
  }

  test("a 2xx answer whose body breaks off: delivered", async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const { attempt, now } = await givenDelivery({ settings: { webhook_url: `http://127.0.0.1:${port}/` } });
    await attempt(1);
    assert.deepEqual(state(await now()), { status: "delivered", attempts: 1, response_status: 200, last_error: null });
  });

  test("no answer at all: tried again later, saying why", async () => {
    const { attempt, now } = await givenDelivery({ settings: { webhook_url: "http://127.0.0.1:1/" } });
    await assert.rejects(attempt(1), TryLater);
    const delivery = await now();
    assert.deepEqual([delivery.status, delivery.attempts, delivery.response_status], ["pending", 1, null]);
    assert.match(delivery.last_error ?? "", /no connection to 127\.0\.0\.1:1/);
  });

  test("a private address, when they are not allowed: nothing is sent", async () => {
    const guarded = createOutbound({ allowPrivate: false, timeoutMs: 1_000, maxResponseBytes: 1_000 });
    after(() => guarded.close());
    const { receiver, tenant, id, now } = await givenDelivery();
    const task = createDeliverWebhook({ house, outbound: guarded, renderers: { yappr: wordWebhook } });
    const key = { workspaceId: tenant.workspace.id, deliveryId: id };
    await assert.rejects(task(key, { number: 1, last: false, signal: new AbortController().signal }), TryLater);
    assert.match((await now()).last_error ?? "", /not at a public address/);
    assert.equal(receiver.received.length, 0);
  });

  test("the agent's static headers go along, but none of those that are ours or the connection's", async () => {
    const { receiver, tenant, id, attempt } = await givenDelivery({
      settings: {
        webhook_headers: {
          Authorization: "Bearer t",
          "X-Team": "a",
          "User-Agent": "mine",
          "Webhook-Id": "forged",
          "WEBHOOK-SIGNATURE": "v1,forged",
          "content-type": "text/plain",
          Host: "internal.example",
          "Transfer-Encoding": "chunked",
          Connection: "close",
        },
      },
    });
    await attempt(1);
    const headers = receiver.received[0]?.headers ?? {};
    assert.equal(headers.authorization, "Bearer t");
    assert.equal(headers["x-team"], "a");
    assert.equal(headers["user-agent"], "mine");
    assert.equal(headers["webhook-id"], id);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers.host, receiver.url.slice("http://".length));
    assert.equal(headers["transfer-encoding"], undefined);
    assert.equal(verify(receiver, tenant.webhookSecret).length, 1);
  });

  test("headers that cannot be sent fail the attempt, saying so", async () => {
    const { receiver, attempt, now } = await givenDelivery({ settings: { webhook_headers: { "X-A": "1\r\nX-B: 2" } } });
    await assert.rejects(attempt(1));
    assert.match((await now()).last_error ?? "", /cannot be sent/);
    assert.equal(receiver.received.length, 0);
  });

  test("a delivery that is not there, or not any more, is nothing to do", async () => {
    const { receiver, tenant, attempt } = await givenDelivery();
    const other = await world.tenant();
    const signal = new AbortController().signal;
    await deliver({ workspaceId: other.workspace.id, deliveryId: (await deliveryOf(tenant)).id }, { number: 1, last: false, signal });
    await deliver({ workspaceId: tenant.workspace.id, deliveryId: newId() }, { number: 1, last: false, signal });
    assert.equal(receiver.received.length, 0);
    await attempt(1);
    await attempt(2);
    assert.equal(receiver.received.length, 1, "what is delivered is not sent again");
  });

  test("a secret that was replaced signs from then on, retries included", async () => {
    const { receiver, tenant, attempt } = await givenDelivery();
    receiver.answers.push(500);
    await assert.rejects(attempt(1));
    const { webhookSecret } = await rotateWebhookSecret(house, tenant.workspace.id);
    await attempt(2);
    const [, second] = receiver.received;
    assert.ok(second);
    assert.doesNotThrow(() => verify({ ...receiver, received: [second] }, webhookSecret));
    assert.throws(() => verify({ ...receiver, received: [second] }, tenant.webhookSecret));
  });

  test("the secret is nowhere in the database in clear", async () => {
    const { tenant } = await givenDelivery();
    const secret = tenant.webhookSecret.slice("whsec_".length);
    const { rows } = await house.db.pool.query<{ text: string }>(
      `select w::text || coalesce(string_agg(d::text || e::text, ' '), '') as text from workspaces w
       left join webhook_deliveries d on d.workspace_id = w.id left join events e on e.workspace_id = w.id
       where w.id = $1 group by w.id, w.*`,
      [tenant.workspace.id],
    );
    const text = rows[0]?.text ?? "";
    assert.ok(text.includes("/hook?key=1"));
    for (const spelling of [secret, Buffer.from(secret).toString("hex"), Buffer.from(secret, "base64").toString("hex")])
      assert.ok(!text.includes(spelling));
  });
});

describe("several attempts", () => {
  test("500 twice, then 200: delivered with 3 attempts, one id, one body, a signature each", async () => {
    const { receiver, tenant, id, attempt, now } = await givenDelivery();
    receiver.answers.push(500, 500, 200);
    await assert.rejects(attempt(1));
    await assert.rejects(attempt(2));
    await attempt(3);
    assert.deepEqual(state(await now()), { status: "delivered", attempts: 3, response_status: 200, last_error: null });
    assert.deepEqual([...new Set(receiver.received.map(({ headers }) => headers["webhook-id"]))], [id]);
    assert.equal(new Set(receiver.received.map(({ raw }) => raw)).size, 1);
    assert.equal(verify(receiver, tenant.webhookSecret).length, 3);
  });

  test("the last one fails: the delivery has failed, without another attempt", async () => {
    const { receiver, attempt, now } = await givenDelivery();
    receiver.answers.push(500, 503);
    await assert.rejects(attempt(1));
    await attempt(2, true);
    const delivery = await now();
    assert.deepEqual([delivery.status, delivery.attempts, delivery.response_status], ["failed", 2, 503]);
  });

  test("a last one that is broken off because the process ends has not failed", async () => {
    const { receiver, attempt, now } = await givenDelivery();
    const answer = Promise.withResolvers<number>();
    receiver.answers.push(() => answer.promise);
    const stop = new AbortController();
    const attempting = assert.rejects(attempt(1, true, stop.signal));
    await until(() => receiver.received.length === 1);
    stop.abort();
    await attempting;
    answer.resolve(200);
    assert.equal((await now()).status, "pending");
  });

  test("two workers at once: both attempts count, and delivered wins whichever ends last", async () => {
    for (const successFirst of [true, false]) {
      const { receiver, attempt, now } = await givenDelivery();
      const [good, bad] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
      receiver.answers.push(
        () => good.promise,
        () => bad.promise,
      );
      const first = attempt(1);
      await until(() => receiver.received.length === 1);
      const second = attempt(1, true);
      await until(() => receiver.received.length === 2);
      if (successFirst) {
        good.resolve(200);
        await first;
        bad.resolve(500);
        await second;
      } else {
        bad.resolve(500);
        await second;
        assert.equal((await now()).status, "failed");
        good.resolve(200);
        await first;
      }
      assert.deepEqual(state(await now()), { status: "delivered", attempts: 2, response_status: 200, last_error: null });
    }
  });
});

describe("replayDelivery", () => {
  test("one that has failed is sent again with the same id", async () => {
    const { receiver, id, attempt, now } = await givenDelivery();
    receiver.answers.push(500);
    await attempt(1, true);
    const replayed = await replayDelivery(house, id);
    assert.deepEqual([replayed.id, replayed.status], [id, "pending"]);
    assert.deepEqual(await jobsFor(id), [{ attempts: 0, due: true }]);
    await attempt(1);
    assert.deepEqual(state(await now()), { status: "delivered", attempts: 2, response_status: 204, last_error: null });
    assert.deepEqual(
      receiver.received.map(({ headers }) => headers["webhook-id"]),
      [id, id],
    );
  });

  test("one that was delivered is sent once more", async () => {
    const { receiver, id, attempt, now } = await givenDelivery();
    await attempt(1);
    await replayDelivery(house, id);
    assert.deepEqual([(await now()).status, (await now()).delivered_at], ["pending", null]);
    await attempt(1);
    assert.equal((await now()).status, "delivered");
    assert.equal(receiver.received.length, 2);
  });

  test("one that waits for its next attempt is tried now, by the one job it has, however often this is asked", async () => {
    const { receiver, id, attempt } = await givenDelivery();
    receiver.answers.push(500);
    await assert.rejects(attempt(1));
    await house.db.pool.query(
      "update graphile_worker._private_jobs set attempts = 1, run_at = now() + interval '2 hours' where payload->>'deliveryId' = $1",
      [id],
    );
    await Promise.all(Array.from({ length: 5 }, () => replayDelivery(house, id)));
    assert.deepEqual(await jobsFor(id), [{ attempts: 0, due: true }]);
  });

  test("while an attempt is under way: nothing is lost, whether that attempt succeeds or fails", async () => {
    for (const status of [200, 500]) {
      const { receiver, id, attempt, now } = await givenDelivery();
      const answer = Promise.withResolvers<number>();
      receiver.answers.push(() => answer.promise);
      const underWay = attempt(10, true);
      await until(() => receiver.received.length === 1);
      await replayDelivery(house, id);
      answer.resolve(status);
      await underWay;
      assert.equal((await now()).status, status === 200 ? "delivered" : "failed");
      assert.equal((await jobsFor(id)).length, 1, "the replay's own job is there");
      await attempt(1);
      assert.deepEqual(state(await now()), {
        status: "delivered",
        attempts: status === 200 ? 1 : 2,
        response_status: status === 200 ? 200 : 204,
        last_error: null,
      });
    }
  });

  test("an unknown id, and what is no id, is not found", async () => {
    await assert.rejects(replayDelivery(house, newId()), NotFound);
    await assert.rejects(replayDelivery(house, "nope"), NotFound);
  });
});

describe("listDeliveries", () => {
  test("newest first, of one workspace or of all, by status, page by page, and without the static headers", async () => {
    const first = await givenDelivery({ settings: { webhook_headers: { Authorization: "Bearer secret-of-the-receiver" } } });
    const second = await givenDelivery();
    await second.attempt(1);
    const all = await listDeliveries(house, { limit: 2 });
    assert.deepEqual(
      all.map(({ id }) => id),
      [second.id, first.id],
    );
    assert.deepEqual(
      all.map(({ call_id }) => call_id),
      [second.call.id, first.call.id],
    );
    assert.ok(!JSON.stringify(all).includes("secret-of-the-receiver"));
    const page = await listDeliveries(house, { limit: 1, after: second.id });
    assert.deepEqual(
      page.map(({ id }) => id),
      [first.id],
    );
    const pending = await listDeliveries(house, { status: "pending", limit: 1 });
    assert.deepEqual(
      pending.map(({ id }) => id),
      [first.id],
    );
    const ofFirst = await listDeliveries(house, { workspaceId: first.tenant.workspace.id, limit: 10 });
    assert.deepEqual(
      ofFirst.map(({ id }) => id),
      [first.id],
    );
    await assert.rejects(listDeliveries(house, { limit: 1, after: "nope" }), InvalidInput);
  });
});

describe("the yappr wording (yappr 9.1)", () => {
  const at = new Date("2026-03-01T10:01:05.400Z");
  const who = { direction: "outbound", from_number: "+972551234567", to_number: "+972501234567" };
  const ended = { status: "ended", ended_at: at, answered_at: new Date("2026-03-01T10:00:00.000Z") } as const;
  const entry = newId();
  const cases: Array<{ type: CallEventType; call?: Partial<Call>; queued?: boolean; data: unknown }> = [
    { type: "call.started", data: who },
    { type: "call.answered", call: { status: "in_progress" }, data: who },
    { type: "call.ended", call: { ...ended, outcome: "completed" }, data: { ...who, duration_seconds: 65, status: "completed" } },
    { type: "call.ended", call: { ...ended, outcome: "voicemail" }, data: { ...who, duration_seconds: 65, status: "completed" } },
    { type: "call.no_answer", call: { ...ended, answered_at: null, outcome: "busy" }, data: who },
    {
      type: "call.failed",
      call: { ...ended, answered_at: null, outcome: "unreachable", error: "404 Not Found" },
      data: { ...who, error: "404 Not Found" },
    },
    {
      type: "call.dnc_blocked",
      call: { ...ended, answered_at: null, outcome: "dnc_blocked", dnc_reason: "asked us", dnc_entry_id: entry },
      data: { ...who, status: "dnc_blocked", extra_data: { dnc_reason: "asked us", dnc_entry_id: entry } },
    },
    {
      type: "call.dnc_blocked",
      queued: true,
      call: { ...ended, answered_at: null, outcome: "dnc_blocked", dnc_reason: null, dnc_entry_id: entry },
      data: { ...who, status: "dnc_blocked", extra_data: { dnc_reason: null, dnc_entry_id: entry, queued: true } },
    },
  ];
  for (const { type, call, queued = false, data } of cases) {
    test(`${type}${call?.outcome ? `, ${call.outcome}` : ""}${queued ? ", queued" : ""}`, async () => {
      const { receiver, tenant, agent, call: row, attempt } = await givenDelivery({ type, queued, at, ...(call ? { call } : {}) });
      await attempt(1);
      assert.deepEqual(receiver.received[0]?.body, {
        event: type,
        timestamp: "2026-03-01T10:01:05.400Z",
        agent_id: agent.id,
        company_id: tenant.workspace.id,
        call_id: row.id,
        data,
      });
    });
  }
});
