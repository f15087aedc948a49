import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import type { ServerTransaction } from "../../../../src/carriers/sip/endpoint.ts";
import type { SipRequest } from "../../../../src/carriers/sip/message/message.ts";
import { ownerOf } from "../../../../src/carriers/sip/transport/address.ts";
import { createGuard } from "../../../../src/carriers/sip/transport/createGuard.ts";
import { until } from "../../../support/until.ts";
import { OBLIGING, open, targetOf } from "./support/endpoints.ts";
import { makeRequest } from "./support/messages.ts";
import { type RawPeer, rawPeer, rawRequest } from "./support/rawPeer.ts";

test("an IPv6 address is its subscriber's, who has the /64", () => {
  const same = (...addresses: string[]) => new Set(addresses.map(ownerOf)).size === 1;
  assert.equal(ownerOf("192.0.2.1"), "192.0.2.1");
  assert.ok(same("2001:db8::1", "2001:db8::ffff:1:2:3", "2001:db8::"));
  assert.ok(same("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3::6"));
  assert.ok(same("::1", "::2:3"));
  assert.ok(same("1::2:3:4:5:6", "1:0:0:2:9:9:9:9"));
  assert.ok(!same("2001:db8::1", "2001:db8:0:1::1"));
  assert.ok(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
});

test("each stranger is read so often, all together so often, and whom we know as often as it likes", (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const guard = createGuard((address) => address === "192.0.2.9");
  const verdicts = (address: string, times: number, over: "datagram" | "connection" = "datagram") =>
    Array.from({ length: times }, () => guard.verdict(address, over));
  const admitted = (address: string, times = 1_000) => verdicts(address, times).filter((verdict) => verdict === "read").length;
  assert.equal(admitted("192.0.2.1"), 200);
  assert.equal(admitted("2001:db8::1") + admitted("2001:db8::2"), 200, "one subscriber");
  assert.equal(admitted("192.0.2.2", 100), 100, "another one is not concerned");
  assert.equal(admitted("192.0.2.9"), 1_000);
  for (let host = 10; host < 60; host++) admitted(`198.51.100.${host}`);
  assert.deepEqual(verdicts("192.0.2.1", 1), ["excess"], "it alone");
  assert.deepEqual(verdicts("192.0.2.3", 1), ["busy"], "all together");
  assert.deepEqual(verdicts("192.0.2.3", 1, "connection"), ["read"], "made-up addresses take nothing from connections");
  guard.know("192.0.2.3");
  assert.equal(admitted("192.0.2.3"), 1_000);
  now += 1_000;
  assert.equal(admitted("192.0.2.1"), 50);
});

const LISTEN = [
  { protocol: "udp" as const, address: "127.0.0.1", port: 0 },
  { protocol: "tcp" as const, address: "127.0.0.1", port: 0 },
];
const COUNT = 1_000;
/** As the user agent does: what is of no call leaves no trace. */
const answerTo = ({ method }: SipRequest) => ({ status: 200, stateless: method !== "INVITE" });

test("a flood from a stranger is not read; who is trusted, was sent to or was taken is", async (t) => {
  const handler = { ...OBLIGING, request: (transaction: ServerTransaction) => transaction.respond(answerTo(transaction.request)) };
  const server = await open(t, handler, { listen: LISTEN, trusts: (address) => address === "127.0.0.2" });
  const target = targetOf(server);
  const trusted = await rawPeer(t, "127.0.0.2");
  let serial = 0;
  const ask = (peer: RawPeer, method = "OPTIONS") => {
    serial += 1;
    peer.send(rawRequest(peer, { method, branch: `;branch=z9hG4bK${serial}`, callId: `${serial}` }), target);
  };
  const askOften = async (peer: RawPeer) => {
    for (let sent = 0; sent < COUNT; sent++) {
      // No more at a time than the system keeps for us.
      if (sent % 100 === 0) await behind();
      ask(peer);
    }
    await behind();
  };
  /** Once who is trusted has an answer, all that was sent before has been seen to. */
  const behind = async () => {
    const before = trusted.heard.length;
    ask(trusted);
    await until(() => trusted.heard.length > before, { what: "an answer to who is trusted" });
  };

  const stranger = await rawPeer(t, "127.0.0.3");
  await askOften(stranger);
  await until(() => stranger.heard.length >= 200);
  assert.ok(stranger.heard.length < COUNT, `${stranger.heard.length} answers`);
  // Its call is taken, as if it had shown the right credentials.
  const taken = await rawPeer(t, "127.0.0.4");
  ask(taken, "INVITE");
  await taken.next(/200/);
  await askOften(taken);
  await until(() => taken.heard.length > COUNT, { what: "all answers to who was taken" });
  server.sendAck(makeRequest("ACK"), stranger.target);
  await stranger.next(/ACK/);
  const before = stranger.heard.length;
  await askOften(stranger);
  await until(() => stranger.heard.length === before + COUNT, { what: "all answers to who was sent to" });
});

test("who was let in is no stranger, although its call was refused", async (t) => {
  const refusing = { ...OBLIGING, request: (transaction: ServerTransaction) => transaction.respond({ status: 486 }) };
  const server = await open(t, refusing, { listen: LISTEN, trusts: () => false });
  const target = targetOf(server);
  const busy = await rawPeer(t, "127.0.0.5");
  for (let sent = 1; sent <= 300; sent++) {
    busy.send(rawRequest(busy, { method: "INVITE", branch: `;branch=z9hG4bK${sent}`, callId: `${sent}` }), target);
    await until(() => busy.heard.some((message) => message.includes(`z9hG4bK${sent};`) || message.includes(`z9hG4bK${sent}\r`)));
  }
});

test("a stranger that floods a connection loses it", async (t) => {
  const handler = { ...OBLIGING, request: (transaction: ServerTransaction) => transaction.respond(answerTo(transaction.request)) };
  const server = await open(t, handler, { listen: LISTEN, trusts: () => false });
  const socket = connect(targetOf(server, "tcp").port, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString();
  });
  socket.on("error", () => {});
  let closed = false;
  socket.on("close", () => {
    closed = true;
  });
  for (let id = 0; id < COUNT; id++) socket.write(rawRequest({ port: 5060 }, { branch: `;branch=z9hG4bK${id}`, callId: `${id}` }));
  await until(() => closed);
  assert.ok(text.split("SIP/2.0 200").length < COUNT);
});
