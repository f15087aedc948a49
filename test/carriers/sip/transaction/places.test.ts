import assert from "node:assert/strict";
import { test } from "node:test";
import { openEndpoint } from "../../../../src/carriers/sip/openEndpoint.ts";
import type { Resolver } from "../../../../src/carriers/sip/transport/createResolver.ts";
import { until } from "../../../support/until.ts";
import { hear, log, NOBODY, open } from "../transport/support/endpoints.ts";
import { makeRequest } from "../transport/support/messages.ts";
import { type RawPeer, rawPeer, rawResponse } from "../transport/support/rawPeer.ts";

const NAME = { protocol: "udp", host: "sip.example", port: null } as const;

/** SRV records for these ports of the loopback, the first of the highest priority. */
const serving = (peers: readonly RawPeer[]): Resolver => ({
  resolve: () => ["127.0.0.1"],
  services: async () => peers.map(({ port }, index) => ({ name: `${index}.example`, port, priority: index, weight: 0 })),
});

const branchOf = (request: string): string => /branch=[^;\r]*/.exec(request)?.[0] ?? "";

/** Answers the `count`th request, of which it may have heard copies. */
const answer = async (peer: RawPeer, method: string, status: number, count = 1) => {
  const requests = () => new Map(peer.heard.filter((one) => one.startsWith(`${method} `)).map((one) => [branchOf(one), one]));
  const request = await until(() => [...requests().values()][count - 1], { what: `${method} ${count}` });
  const via = branchOf(request);
  peer.send(rawResponse(request, status, "peer"), {
    protocol: "udp",
    host: "127.0.0.1",
    port: Number(/127\.0\.0\.1:(\d+)/.exec(request)?.[1]),
  });
  return via;
};

test("a request goes from place to place: one that is silent, one with 503, one that answers; then not first to the first (RFC 3263 4.3)", async (t) => {
  const [silent, full, well] = [await rawPeer(t), await rawPeer(t), await rawPeer(t)];
  const endpoint = await open(t, {}, { resolver: serving([silent, full, well]), timers: { t1Ms: 100, t2Ms: 400, t4Ms: 500 } });
  const heard = hear();
  const transaction = endpoint.request(makeRequest("OPTIONS"), NAME, heard);
  const branches = [await answer(full, "OPTIONS", 503), await answer(well, "OPTIONS", 200)];
  const end = await heard.end;
  assert.ok("status" in end && end.status === 200);
  assert.equal(transaction.sentTo?.port, well.port);
  assert.equal(new Set(branches).size, 2, "each is a transaction of its own");
  const sent = silent.heard.length;
  assert.ok(sent > 1, "sent again before it was left");
  const next = hear();
  endpoint.request(makeRequest("OPTIONS"), NAME, next);
  await answer(well, "OPTIONS", 404, 2);
  const refused = await next.end;
  assert.ok("status" in refused && refused.status === 404, "any other answer is the answer");
  assert.equal(silent.heard.length, sent);
  assert.deepEqual([heard.finals.length, heard.failures.length, next.finals.length], [1, 0, 1]);
});

test("the last place's trouble is what is told, and a place that is well again comes first again", async (t) => {
  const [first, last] = [await rawPeer(t), await rawPeer(t)];
  const endpoint = await open(t, {}, { resolver: serving([first, last]) });
  const heard = hear();
  endpoint.request(makeRequest("INFO"), NAME, heard);
  await answer(first, "INFO", 503);
  await answer(last, "INFO", 503);
  const end = await heard.end;
  assert.ok("status" in end && end.status === 503);
  // Both are in trouble: in their own order again. Whoever answers is well.
  const again = hear();
  endpoint.request(makeRequest("INFO"), NAME, again);
  await answer(first, "INFO", 200, 2);
  await again.end;
  const places = await endpoint.locate(NAME);
  assert.ok("places" in places);
  assert.deepEqual(
    places.places.map(({ port }) => port),
    [first.port, last.port],
  );
});

test("abandoned or closed between two places: nothing more is sent or told", async (t) => {
  const [first, last] = [await rawPeer(t), await rawPeer(t)];
  const listen = [{ protocol: "udp" as const, address: "127.0.0.1", port: 0 }];
  const endpoint = await openEndpoint({ listen, resolver: serving([first, last]), log }, NOBODY);
  const [abandoned, closed] = [hear(), hear()];
  const transaction = endpoint.request(makeRequest("OPTIONS"), NAME, abandoned);
  await first.next(/^OPTIONS /);
  transaction.abandon();
  endpoint.request(makeRequest("INFO"), NAME, closed);
  await first.next(/^INFO /);
  await endpoint.close();
  assert.equal(process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length, 0);
  assert.deepEqual([last.heard, abandoned.failures, closed.failures], [[], [], []]);
});

test("an INVITE is left for the next place only when its transaction is over, and a CANCEL goes where it went (RFC 3261 9.1)", async (t) => {
  const [first, last] = [await rawPeer(t), await rawPeer(t)];
  const endpoint = await open(t, {}, { resolver: serving([first, last]), timers: { t1Ms: 40, t2Ms: 160, t4Ms: 200 } });
  const heard = hear();
  const transaction = endpoint.request(makeRequest("INVITE"), NAME, heard);
  await until(() => transaction.sentTo?.port === last.port, { what: "the next place after timer B" });
  await answer(last, "INVITE", 180);
  await until(() => heard.provisionals.length > 0);
  transaction.cancel();
  await last.next(/^CANCEL /);
  await answer(last, "INVITE", 487);
  const end = await heard.end;
  assert.ok("status" in end && end.status === 487);
  assert.ok(!first.heard.some((message) => message.startsWith("CANCEL")));
});

test("an INVITE that nobody has answered puts its place last long before timer B: the calls after it are not to wait, too", async (t) => {
  const [silent, well] = [await rawPeer(t), await rawPeer(t)];
  const endpoint = await open(t, {}, { resolver: serving([silent, well]) });
  const located = await endpoint.locate(NAME);
  assert.ok("places" in located && located.places[0]);
  const heard = hear();
  endpoint.request(makeRequest("INVITE"), located.places[0], heard);
  const first = async () => {
    const now = await endpoint.locate(NAME);
    return "places" in now ? now.places[0]?.port : undefined;
  };
  assert.equal(await first(), silent.port);
  await until(async () => (await first()) === well.port, { what: "the other place first" });
  assert.deepEqual(heard.failures, [], "and may be answered yet");
  await answer(silent, "INVITE", 180);
  await until(async () => (await first()) === silent.port, { what: "who answers is well" });
});

for (const [what, provisional] of [
  ["a CANCEL that crosses a 503", 100],
  ["a 503 after it rang", 180],
] as const) {
  test(`${what}: no other place is asked (RFC 3261 9.1)`, async (t) => {
    const [first, last] = [await rawPeer(t), await rawPeer(t)];
    const endpoint = await open(t, {}, { resolver: serving([first, last]) });
    const heard = hear();
    const transaction = endpoint.request(makeRequest("INVITE"), NAME, heard);
    await answer(first, "INVITE", provisional);
    await until(() => heard.provisionals.length + heard.tryings > 0);
    if (provisional === 100) {
      transaction.cancel();
      await first.next(/^CANCEL /);
    }
    await answer(first, "INVITE", 503);
    const end = await heard.end;
    assert.ok("status" in end && end.status === 503);
    assert.deepEqual(last.heard, []);
  });
}

test("an INVITE that was canceled before it could be sent is not sent", async (t) => {
  const peer = await rawPeer(t);
  const endpoint = await open(t);
  const heard = hear();
  const transaction = endpoint.request(makeRequest("INVITE"), peer.target, heard);
  transaction.cancel();
  const end = await heard.end;
  assert.ok("detail" in end && /canceled/.test(end.detail));
  // What is sent later comes later.
  endpoint.request(makeRequest("OPTIONS"), peer.target, hear());
  await peer.next(/^OPTIONS /);
  assert.ok(!peer.heard.some((message) => message.startsWith("INVITE")));
});
