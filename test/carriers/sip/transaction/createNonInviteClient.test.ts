import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createNonInviteClient, type NonInviteClient } from "../../../../src/carriers/sip/transaction/createNonInviteClient.ts";
import { DEFAULT_TIMERS } from "../../../../src/carriers/sip/transaction/timers.ts";
import { makeResponse } from "../transport/support/messages.ts";

function start(
  t: TestContext,
  reliable = false,
): { client: NonInviteClient; did: string[]; pass(ms: number): void; sentAt(untilMs: number): number[] } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const did: string[] = [];
  const client = createNonInviteClient({
    timers: DEFAULT_TIMERS,
    reliable,
    send: () => did.push("sent"),
    provisional: (response) => did.push(`told ${response.status}`),
    final: (response) => did.push(`told ${response.status}`),
    failed: (failure) => did.push(`failed ${failure.kind}: ${failure.detail}`),
    ended: () => did.push("ended"),
  });
  const pass = (ms: number) => t.mock.timers.tick(ms);
  return {
    client,
    did,
    pass,
    sentAt: (untilMs) => {
      const times: number[] = [];
      for (let at = 100; at <= untilMs; at += 100) {
        const before = did.filter((one) => one === "sent").length;
        pass(100);
        if (did.filter((one) => one === "sent").length > before) times.push(at);
      }
      return times;
    },
  };
}

test("trying: timer E doubles up to T2, timer F gives up at 32 s (17.1.2.2)", (t) => {
  const { did, sentAt } = start(t);
  assert.deepEqual(sentAt(32_000), [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
  assert.deepEqual(did.slice(-2), ["failed timeout: no response", "ended"]);
});

test("proceeding: timer E is T2, timer F goes on (17.1.2.2)", (t) => {
  const { client, did, sentAt, pass } = start(t);
  pass(1_000);
  client.receive(makeResponse(100));
  assert.deepEqual(sentAt(12_000), [4_000, 8_000, 12_000]);
  client.receive(makeResponse(183));
  assert.deepEqual(sentAt(4_000), [4_000], "a further provisional response does not put it off");
  pass(15_000);
  assert.deepEqual(did.slice(-2), ["failed timeout: no response", "ended"]);
  assert.ok(did.includes("told 100") && did.includes("told 183"));
});

test("completed: further finals are absorbed until timer K after T4 (17.1.2.2)", (t) => {
  const { client, did, pass } = start(t);
  client.receive(makeResponse(200));
  client.receive(makeResponse(200));
  pass(4_999);
  client.receive(makeResponse(500));
  assert.deepEqual(did, ["sent", "told 200"]);
  pass(1);
  assert.deepEqual(did, ["sent", "told 200", "ended"]);
});

test("over TCP: sent once, timer F all the same, timer K is 0 (17.1.2.2)", (t) => {
  const silent = start(t, true);
  assert.deepEqual(silent.sentAt(32_000), []);
  assert.deepEqual(silent.did, ["sent", "failed timeout: no response", "ended"]);
  t.mock.timers.reset();
  const answered = start(t, true);
  answered.client.receive(makeResponse(404));
  assert.deepEqual(answered.did, ["sent", "told 404", "ended"]);
});

test("what cannot be sent is told once, and not after a final response (17.1.4)", (t) => {
  const { client, did, pass } = start(t);
  client.transportFailed({ kind: "unreachable", detail: "no route" });
  client.receive(makeResponse(200));
  pass(100_000);
  assert.deepEqual(did, ["sent", "failed unreachable: no route", "ended"]);
});
