import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerTransaction } from "../../../../src/carriers/sip/endpoint.ts";
import type { SipResponse } from "../../../../src/carriers/sip/message/message.ts";
import { until } from "../../../support/until.ts";
import { hear, open, targetOf } from "../transport/support/endpoints.ts";
import { lossyRelay } from "../transport/support/lossyRelay.ts";
import { makeRequest } from "../transport/support/messages.ts";

/** 64*T1 is 6.4 s: a machine that stands still for a moment takes nobody the time to try again. */
const TIMERS = { t1Ms: 100, t2Ms: 400, t4Ms: 500 };

test("500 transactions over a line that loses a sixth of what goes either way: each comes to its right end on both sides", async (t) => {
  /** By Call-ID: what the server is to answer, and what has become of it there. */
  const wanted = new Map<string, number>();
  const invites = new Map<string, ServerTransaction>();
  const told = new Map<string, number>();
  const acknowledged = new Set<string>();
  const unacknowledged: string[] = [];
  const server = await open(
    t,
    {
      request: (transaction) => {
        const { callId, method } = transaction.request;
        told.set(callId, (told.get(callId) ?? 0) + 1);
        if (method === "INVITE") {
          invites.set(callId, transaction);
          transaction.respond({ status: 180, tag: "bob" });
        }
        const status = wanted.get(callId) ?? 0;
        transaction.handler = {
          canceled: () => transaction.respond({ status: 487, tag: "bob" }),
          unacknowledged: () => unacknowledged.push(callId),
        };
        // 487 is what comes of a CANCEL.
        if (status !== 487) setImmediate(() => transaction.respond({ status, tag: "bob" }));
      },
      ack: (ack) => {
        acknowledged.add(ack.callId);
        invites.get(ack.callId)?.acknowledged();
      },
    },
    { timers: TIMERS },
  );
  const relay = await lossyRelay(t, targetOf(server), { loss: 1 / 6, seed: 20_260_601 });
  const client = await open(t, {}, { timers: TIMERS });

  const statuses = [200, 486, 487, 503, 200];
  const start = (i: number) => {
    const method = i % 2 ? "INVITE" : "MESSAGE";
    const status = method === "INVITE" ? (statuses[i % statuses.length] ?? 200) : i % 4 ? 200 : 404;
    const request = makeRequest(method);
    wanted.set(request.callId, status);
    const heard = hear();
    const onFinal = (response: SipResponse) => {
      heard.final(response);
      if (method !== "INVITE" || response.status !== 200) return;
      client.sendAck(makeRequest("ACK", { from: request.from, to: response.to, callId: request.callId }), relay.target);
    };
    const handler = { ...heard, final: onFinal, failed: heard.failed };
    const transaction = client.request(request, relay.target, handler);
    if (status === 487) void until(() => transaction.sentTo).then(() => transaction.cancel());
    return { request, status, heard };
  };
  const all: Array<ReturnType<typeof start>> = [];
  while (all.length < 500) {
    // So many at a time that the sockets' buffers lose nothing by themselves.
    for (let i = 0; i < 50; i++) all.push(start(all.length));
    await until(
      () => all.every((one) => one.heard.tryings + one.heard.provisionals.length + one.heard.finals.length + one.heard.failures.length > 0),
      {
        what: "a word of each",
        withinMs: 30_000,
      },
    );
  }

  for (const { request, status, heard } of all) {
    const end = await heard.end;
    assert.ok("status" in end, `${request.method} ${request.callId}: ${JSON.stringify(end)}`);
    assert.equal(end.status, status, request.callId);
  }
  await until(() => client.size.client === 0 && server.size.server === 0, { what: "every transaction's end", withinMs: 30_000 });
  for (const { request, status, heard } of all) {
    assert.equal(told.get(request.callId), 1, "told once, however often it was sent");
    assert.equal(heard.failures.length, 0);
    if (request.method === "INVITE") assert.equal(acknowledged.has(request.callId), status === 200);
    if (status !== 200 || request.method !== "INVITE") assert.equal(heard.finals.length, 1);
  }
  assert.deepEqual(unacknowledged, []);
  assert.ok(relay.lost > 200, `${relay.lost} lost`);
});
