import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServerTransaction } from "../../../../src/carriers/sip/endpoint.ts";
import { until } from "../../../support/until.ts";
import { hear, open, targetOf } from "../transport/support/endpoints.ts";
import { makeRequest } from "../transport/support/messages.ts";
import { rawPeer, rawRequest, rawResponse } from "../transport/support/rawPeer.ts";

const T1_MS = 50;
const timers = { t1Ms: T1_MS, t2Ms: 200, t4Ms: 250 };

/** The process stands still for so long. What is said is sent before that, and not read before the timers that are due meanwhile. */
async function standStill(ms: number, say: () => void) {
  // After an immediate Node comes to its timers before it comes to its sockets.
  await new Promise((resolve) => setImmediate(resolve));
  say();
  // A datagram goes out in the next tick.
  await new Promise<void>((resolve) => process.nextTick(resolve));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

test("who stood still for longer than 64*T1 hears what came meanwhile: answers are no timeouts, and an ACK acknowledges", async (t) => {
  const invites: ServerTransaction[] = [];
  const unacknowledged: string[] = [];
  const endpoint = await open(
    t,
    {
      request: (transaction) => {
        invites.push(transaction);
        transaction.handler = { unacknowledged: () => unacknowledged.push(transaction.request.callId) };
        transaction.respond({ status: 200 });
      },
      ack: () => invites[0]?.acknowledged(),
    },
    { timers },
  );
  const peer = await rawPeer(t);
  peer.send(rawRequest(peer, { method: "INVITE" }), targetOf(endpoint));
  // More than are read from a socket in one turn.
  const all = Array.from({ length: 100 }, (_, index) => {
    const heard = hear();
    endpoint.request(makeRequest(index % 2 ? "INVITE" : "OPTIONS"), peer.target, heard);
    return heard;
  });
  await peer.next(/^SIP\/2\.0 200/);
  const requests = await until(() => {
    const asked = peer.heard.filter((message) => !message.startsWith("SIP/2.0"));
    const first = new Map(asked.map((request) => [/branch=[^;\r]*/.exec(request)?.[0], request]));
    return first.size === all.length && [...first.values()];
  });
  await standStill(70 * T1_MS, () => {
    for (const request of requests) peer.send(rawResponse(request, 200, "peer"), targetOf(endpoint));
    peer.send(rawRequest(peer, { method: "ACK", branch: ";branch=z9hG4bKack" }), targetOf(endpoint));
  });
  for (const heard of all) {
    const end = await heard.end;
    assert.ok("status" in end && end.status === 200, JSON.stringify(end));
  }
  await until(() => endpoint.size.server === 0, { what: "timer L" });
  assert.deepEqual(unacknowledged, []);
});

test("who stood still for longer than 8*T1 takes nobody for silent whose answer came meanwhile", async (t) => {
  const peer = await rawPeer(t);
  const endpoint = await open(t, {}, { timers: { t1Ms: 150 } });
  const told: string[] = [];
  const end = Promise.withResolvers<void>();
  endpoint.request(makeRequest("OPTIONS"), peer.target, {
    unheard: () => told.push("unheard"),
    failed: ({ kind }) => told.push(kind),
    final: ({ status }) => {
      told.push(String(status));
      end.resolve();
    },
  });
  const request = await peer.next(/^OPTIONS/);
  await standStill(9 * 150, () => peer.send(rawResponse(request, 200, "peer"), targetOf(endpoint)));
  await end.promise;
  assert.deepEqual(told, ["200"]);
});
