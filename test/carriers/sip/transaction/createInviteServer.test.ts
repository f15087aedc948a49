import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createInviteServer, type InviteServer } from "../../../../src/carriers/sip/transaction/createInviteServer.ts";
import { DEFAULT_TIMERS } from "../../../../src/carriers/sip/transaction/timers.ts";

function start(
  t: TestContext,
  reliable = false,
): { server: InviteServer; did: string[]; pass(ms: number): void; respond(status: number): void } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const did: string[] = [];
  const server = createInviteServer({
    timers: DEFAULT_TIMERS,
    reliable,
    send: (response) => did.push(response.toString()),
    sendTrying: () => did.push("100"),
    unacknowledged: () => did.push("unacknowledged"),
    ended: () => did.push("ended"),
  });
  return { server, did, pass: (ms) => t.mock.timers.tick(ms), respond: (status) => server.respond(status, Buffer.from(String(status))) };
}

/** When it sent something within this time, in steps of 100 ms. */
function sentAt({ did, pass }: { did: string[]; pass(ms: number): void }, untilMs: number): number[] {
  const times: number[] = [];
  for (let at = 100; at <= untilMs; at += 100) {
    const before = did.length;
    pass(100);
    if (did.length > before) times.push(at);
  }
  return times;
}

test("proceeding: 100 after 200 ms unless something was said before (17.2.1)", (t) => {
  const silent = start(t);
  silent.pass(199);
  assert.deepEqual(silent.did, []);
  silent.pass(1);
  assert.deepEqual(silent.did, ["100"]);
  silent.pass(100_000);
  assert.deepEqual(silent.did, ["100"]);
  t.mock.timers.reset();
  const quick = start(t);
  quick.respond(180);
  quick.pass(100_000);
  assert.deepEqual(quick.did, ["180"]);
});

test("proceeding: an INVITE that comes again gets the last provisional response, a 100 when there is none (17.2.1)", (t) => {
  const { server, did, respond, pass } = start(t);
  server.receiveInvite();
  respond(180);
  respond(183);
  server.receiveInvite();
  pass(1_000);
  assert.deepEqual(did, ["100", "180", "183", "183"]);
});

test("completed: timer G sends the refusal at 0.5, 1.5, 3.5, 7.5, ... s, timer H ends it at 32 s (17.2.1)", (t) => {
  const one = start(t);
  one.respond(486);
  const times = sentAt(one, 31_900);
  assert.deepEqual(times, [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  one.pass(100);
  assert.equal(one.did.at(-1), "ended");
  assert.ok(!one.did.includes("unacknowledged"));
});

test("completed: the ACK stops it, timer I ends it after T4; the INVITE again gets the refusal before, nothing after (17.2.1)", (t) => {
  const { server, did, respond, pass } = start(t);
  respond(603);
  server.receiveInvite();
  assert.equal(server.receiveAck(), false);
  assert.equal(server.state, "confirmed");
  server.receiveInvite();
  assert.equal(server.receiveAck(), false);
  pass(4_999);
  assert.deepEqual(did, ["603", "603"]);
  pass(1);
  assert.deepEqual(did, ["603", "603", "ended"]);
});

test("completed over TCP: sent once, ends with the ACK, or with timer H (17.2.1)", (t) => {
  const acknowledged = start(t, true);
  acknowledged.respond(486);
  assert.deepEqual(sentAt(acknowledged, 10_000), []);
  acknowledged.server.receiveAck();
  assert.deepEqual(acknowledged.did, ["486", "ended"]);
  t.mock.timers.reset();
  const lost = start(t, true);
  lost.respond(486);
  lost.pass(32_000);
  assert.deepEqual(lost.did, ["486", "ended"]);
});

test("accepted: the 2xx is sent again over every transport until acknowledged; timer L ends it (13.3.1.4, RFC 6026 7.1)", (t) => {
  for (const reliable of [false, true]) {
    const one = start(t, reliable);
    one.respond(200);
    assert.deepEqual(sentAt(one, 8_000), [500, 1_500, 3_500, 7_500]);
    one.server.receiveInvite();
    assert.equal(one.did.length, 5, "an INVITE that comes again is absorbed");
    assert.equal(one.server.receiveAck(), true, "the ACK is the owner's");
    one.server.acknowledged();
    assert.deepEqual(sentAt(one, 23_900), []);
    one.pass(100);
    assert.deepEqual(one.did.slice(5), ["ended"]);
    t.mock.timers.reset();
  }
});

test("accepted: no ACK within 64*T1 is told, once and before the end (13.3.1.4)", (t) => {
  const { did, respond, pass } = start(t);
  respond(200);
  pass(32_000);
  assert.deepEqual(did.slice(-2), ["unacknowledged", "ended"]);
  pass(100_000);
  assert.equal(did.filter((one) => one === "unacknowledged").length, 1);
});

test("after a final response nothing can be answered (17.2.1)", (t) => {
  const { did, respond } = start(t);
  respond(200);
  respond(486);
  respond(180);
  assert.deepEqual(did, ["200"]);
});
