import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createInviteClient, type InviteClient } from "../../../../src/carriers/sip/transaction/createInviteClient.ts";
import { DEFAULT_TIMERS } from "../../../../src/carriers/sip/transaction/timers.ts";
import { makeResponse } from "../transport/support/messages.ts";

/** What it does, in words, on a clock that the test moves. */
function start(t: TestContext, reliable = false): { client: InviteClient; did: string[]; pass(ms: number): void } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const did: string[] = [];
  const client = createInviteClient({
    timers: DEFAULT_TIMERS,
    reliable,
    send: () => did.push("INVITE"),
    acknowledge: () => did.push("ACK"),
    sendCancel: () => did.push("CANCEL"),
    provisional: (response) => did.push(`told ${response.status}`),
    final: (response) => did.push(`told ${response.status}`),
    failed: (failure) => did.push(`failed ${failure.kind}: ${failure.detail}`),
    ended: () => did.push("ended"),
  });
  return { client, did, pass: (ms) => t.mock.timers.tick(ms) };
}

test("calling: timer A sends at 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s, timer B gives up at 32 s (17.1.1.2)", (t) => {
  const { client, did, pass } = start(t);
  const sentAt = [0];
  for (let at = 100; at <= 31_900; at += 100) {
    const before = did.length;
    pass(100);
    if (did.length > before) sentAt.push(at);
  }
  assert.deepEqual(sentAt, [0, 500, 1_500, 3_500, 7_500, 15_500, 31_500]);
  pass(100);
  assert.deepEqual(did.slice(-2), ["failed timeout: no response", "ended"]);
  assert.equal(client.state, "terminated");
  pass(100_000);
  assert.equal(did.length, 9);
});

test("calling over TCP: sent once, timer B all the same (17.1.1.2)", (t) => {
  const { did, pass } = start(t, true);
  pass(31_999);
  assert.deepEqual(did, ["INVITE"]);
  pass(1);
  assert.deepEqual(did, ["INVITE", "failed timeout: no response", "ended"]);
});

test("proceeding: a provisional response stops timers A and B; it may ring for minutes (17.1.1.2)", (t) => {
  const { client, did, pass } = start(t);
  client.receive(makeResponse(100));
  pass(600_000);
  client.receive(makeResponse(180));
  client.receive(makeResponse(180));
  assert.deepEqual(did, ["INVITE", "told 100", "told 180", "told 180"]);
  assert.equal(client.state, "proceeding");
});

test("completed: each copy of a refusal gets an ACK and is told once; timer D ends it after 32 s (17.1.1.2)", (t) => {
  const { client, did, pass } = start(t);
  client.receive(makeResponse(486));
  client.receive(makeResponse(486));
  pass(31_999);
  client.receive(makeResponse(486));
  client.receive(makeResponse(180));
  client.receive(makeResponse(200));
  assert.deepEqual(did, ["INVITE", "ACK", "told 486", "ACK", "ACK"]);
  pass(1);
  assert.equal(did.at(-1), "ended");
});

test("completed over TCP: timer D is 0 (17.1.1.2)", (t) => {
  const { client, did } = start(t, true);
  client.receive(makeResponse(100));
  client.receive(makeResponse(503));
  assert.deepEqual(did, ["INVITE", "told 100", "ACK", "told 503", "ended"]);
});

test("accepted: every 2xx is told, nothing else, until timer M after 32 s; no ACK of its own (RFC 6026 7.2)", (t) => {
  for (const reliable of [false, true]) {
    const { client, did, pass } = start(t, reliable);
    client.receive(makeResponse(200));
    client.receive(makeResponse(180));
    client.receive(makeResponse(486));
    pass(31_999);
    client.receive(makeResponse(200));
    assert.deepEqual(did, ["INVITE", "told 200", "told 200"]);
    pass(1);
    client.receive(makeResponse(200));
    assert.deepEqual(did, ["INVITE", "told 200", "told 200", "ended"]);
    t.mock.timers.reset();
  }
});

test("CANCEL waits for a provisional response, and goes out once (9.1)", (t) => {
  const { client, did } = start(t);
  client.cancel();
  client.cancel();
  assert.deepEqual(did, ["INVITE"]);
  client.receive(makeResponse(100));
  client.receive(makeResponse(180));
  client.cancel();
  client.receive(makeResponse(487));
  assert.deepEqual(did, ["INVITE", "CANCEL", "told 100", "told 180", "ACK", "told 487"]);
});

test("CANCEL is not sent when a final response comes first, nor after one (9.1)", (t) => {
  const early = start(t);
  early.client.cancel();
  early.client.receive(makeResponse(200));
  early.client.cancel();
  assert.deepEqual(early.did, ["INVITE", "told 200"]);
  t.mock.timers.reset();
  const late = start(t);
  late.client.receive(makeResponse(404));
  late.client.cancel();
  assert.deepEqual(late.did, ["INVITE", "ACK", "told 404"]);
});

test("CANCEL crosses a 200: the 200 is told (9.1)", (t) => {
  const { client, did } = start(t);
  client.receive(makeResponse(180));
  client.cancel();
  client.receive(makeResponse(200));
  assert.deepEqual(did, ["INVITE", "told 180", "CANCEL", "told 200"]);
  assert.equal(client.state, "accepted");
});

test("CANCEL without a final response: over after 64*T1 (9.1)", (t) => {
  const { client, did, pass } = start(t);
  client.receive(makeResponse(180));
  pass(100_000);
  client.cancel();
  pass(31_999);
  assert.equal(client.state, "proceeding");
  pass(1);
  assert.deepEqual(did.slice(-2), ["failed timeout: no final response after CANCEL", "ended"]);
});

test("what cannot be sent is told once, and only while nothing final has come (17.1.4)", (t) => {
  const { client, did, pass } = start(t);
  client.transportFailed({ kind: "unreachable", detail: "connection refused" });
  client.transportFailed({ kind: "unreachable", detail: "connection refused" });
  pass(100_000);
  assert.deepEqual(did, ["INVITE", "failed unreachable: connection refused", "ended"]);
  t.mock.timers.reset();
  const answered = start(t);
  answered.client.receive(makeResponse(200));
  answered.client.transportFailed({ kind: "unreachable", detail: "connection refused" });
  assert.deepEqual(answered.did, ["INVITE", "told 200"]);
});

test("abandoned while it rings, it still gives the refusal its ACK", (t) => {
  const { client, did, pass } = start(t);
  client.receive(makeResponse(180));
  client.abandon();
  client.receive(makeResponse(487));
  assert.deepEqual(did, ["INVITE", "told 180", "ACK", "told 487"]);
  pass(32_000);
  assert.equal(did.at(-1), "ended");
});

test("abandoned before anything came it ends at once; while it rings after 64*T1 at the latest", (t) => {
  const calling = start(t);
  calling.client.abandon();
  calling.pass(100_000);
  assert.deepEqual(calling.did, ["INVITE", "ended"]);
  t.mock.timers.reset();
  const ringing = start(t);
  ringing.client.receive(makeResponse(180));
  ringing.client.abandon();
  ringing.pass(32_000);
  assert.equal(ringing.did.at(-1), "ended");
});
