import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createNonInviteServer, type NonInviteServer } from "../../../../src/carriers/sip/transaction/createNonInviteServer.ts";
import { DEFAULT_TIMERS } from "../../../../src/carriers/sip/transaction/timers.ts";

function start(
  t: TestContext,
  reliable = false,
): { server: NonInviteServer; did: string[]; pass(ms: number): void; respond(status: number): void } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const did: string[] = [];
  const server = createNonInviteServer({
    timers: DEFAULT_TIMERS,
    reliable,
    send: (response) => did.push(response.toString()),
    ended: () => did.push("ended"),
  });
  return { server, did, pass: (ms) => t.mock.timers.tick(ms), respond: (status) => server.respond(status, Buffer.from(String(status))) };
}

test("trying absorbs the request that comes again; proceeding and completed answer it; timer J after 64*T1 (17.2.2)", (t) => {
  const { server, did, pass, respond } = start(t);
  server.receiveRequest();
  assert.deepEqual(did, []);
  respond(183);
  server.receiveRequest();
  respond(200);
  respond(500);
  server.receiveRequest();
  pass(31_999);
  server.receiveRequest();
  assert.deepEqual(did, ["183", "183", "200", "200", "200"]);
  pass(1);
  server.receiveRequest();
  assert.deepEqual(did, ["183", "183", "200", "200", "200", "ended"]);
});

test("over TCP timer J is 0 (17.2.2)", (t) => {
  const { did, respond, pass } = start(t, true);
  respond(404);
  pass(100_000);
  assert.deepEqual(did, ["404", "ended"]);
});

test("stopped, it says nothing any more", (t) => {
  const { server, did, respond } = start(t);
  server.stop();
  respond(200);
  assert.deepEqual(did, ["ended"]);
});
