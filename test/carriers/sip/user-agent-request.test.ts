import assert from "node:assert/strict";
import { test } from "node:test";
import { createUserAgent } from "../../../src/carriers/sip/createUserAgent.ts";
import { openEndpoint } from "../../../src/carriers/sip/openEndpoint.ts";
import type { RequestOptions } from "../../../src/carriers/sip/user-agent.ts";
import { openWorld, type World } from "./dialog/world.ts";
import { address, LOOPBACK, openPeer, tagOf } from "./peer.ts";
import { log } from "./transport/support/endpoints.ts";

const register = ({ peer }: World, over: Partial<RequestOptions> = {}): RequestOptions => ({
  method: "REGISTER",
  target: peer.target,
  uri: address(`<sip:${LOOPBACK}:${peer.port}>`).uri,
  from: address("<sip:line@example.com>"),
  to: address("<sip:line@example.com>"),
  timeoutMs: 5_000,
  ...over,
});
const DIGEST = { headers: [["WWW-Authenticate", 'Digest realm="r", nonce="a", qop="auth"']] as const };

test("REGISTER: credentials when asked for, the Call-ID kept, CSeq counted up (RFC 3261 10.2, 22.2)", async (t) => {
  const world = await openWorld(t);
  const { agent, peer } = world;
  const options = register(world, {
    callId: "registration",
    sequence: 7,
    credentials: { username: "line", password: "secret" },
    headers: [
      ["Contact", "<sip:line@192.0.2.1>"],
      ["Expires", "300"],
    ],
  });
  const pending = agent.request(options);
  const first = await peer.request("REGISTER");
  assert.deepEqual([first.callId, first.cseq.sequence, first.headers.get("Expires")], ["registration", 7, "300"]);
  assert.deepEqual(first.contact, [address("<sip:line@192.0.2.1>")]);
  peer.respond(first, 401, DIGEST);
  const second = await peer.request("REGISTER");
  assert.deepEqual([second.callId, second.cseq.sequence, tagOf(second.from)], ["registration", 8, tagOf(first.from)]);
  assert.match(second.headers.get("Authorization") ?? "", /username="line"/);
  peer.respond(second, 200);
  const outcome = await pending;
  assert.ok("response" in outcome);
  assert.deepEqual([outcome.response.status, outcome.sequence], [200, 8]);
});

test("credentials go to the port of the SRV record that asked for them, not to 5060 (RFC 3263 4.2, RFC 3261 22.2)", async (t) => {
  const peer = await openPeer();
  const services = async () => [{ name: "a.example", port: peer.port, priority: 1, weight: 0 }];
  const listen = [{ protocol: "udp" as const, address: LOOPBACK, port: 0 }];
  const resolver = { resolve: () => [LOOPBACK], services };
  const agent = await createUserAgent({
    open: (handler) => openEndpoint({ listen, resolver, log }, handler),
    incoming: (invite) => invite.reject(480),
    log,
  });
  t.after(() => Promise.all([agent.endpoint.close(), peer.close()]));
  const pending = agent.request({
    method: "REGISTER",
    target: { protocol: "udp", host: "sip.example", port: null },
    uri: address("<sip:sip.example>").uri,
    from: address("<sip:line@sip.example>"),
    to: address("<sip:line@sip.example>"),
    credentials: { username: "line", password: "secret" },
    timeoutMs: 5_000,
  });
  peer.respond(await peer.request("REGISTER"), 401, DIGEST);
  peer.respond(await peer.request("REGISTER"), 200);
  const outcome = await pending;
  assert.equal("response" in outcome && outcome.response.status, 200);
});

test("a password that is refused is the final 401 (RFC 3261 22.1)", async (t) => {
  const world = await openWorld(t);
  const { agent, peer } = world;
  const pending = agent.request(register(world, { credentials: { username: "line", password: "wrong" } }));
  peer.respond(await peer.request("REGISTER"), 401, DIGEST);
  peer.respond(await peer.request("REGISTER"), 401, { headers: [["WWW-Authenticate", 'Digest realm="r", nonce="b", qop="auth"']] });
  const outcome = await pending;
  assert.ok("response" in outcome);
  assert.deepEqual([outcome.response.status, outcome.sequence], [401, 2]);
});

test("OPTIONS has a Contact of ours (RFC 3261 11.1)", async (t) => {
  const world = await openWorld(t);
  const { agent, peer, port } = world;
  const pending = agent.request(register(world, { method: "OPTIONS" }));
  const options = await peer.request("OPTIONS");
  assert.deepEqual(options.contact, [address(`<sip:line@${LOOPBACK}:${port}>`)]);
  peer.respond(options, 404);
  const outcome = await pending;
  assert.equal("response" in outcome && outcome.response.status, 404);
});

test("nothing comes back in time: a timeout, in words", async (t) => {
  const world = await openWorld(t);
  const pending = world.agent.request(register(world));
  await world.peer.request("REGISTER");
  world.advance(5_000);
  assert.deepEqual(await pending, { failure: { kind: "timeout", detail: "no answer within 5 s" }, sequence: 1 });
});

test("aborted before or while it waits: given up at once", async (t) => {
  const world = await openWorld(t);
  const over = new AbortController();
  const pending = world.agent.request(register(world, { signal: over.signal }));
  await world.peer.request("REGISTER");
  over.abort();
  const givenUp = { failure: { kind: "timeout", detail: "given up" }, sequence: 1 };
  assert.deepEqual(await pending, givenUp);
  assert.deepEqual(await world.agent.request(register(world, { signal: over.signal })), givenUp);
});

test("a name that nobody knows: unreachable, in words", async (t) => {
  const world = await openWorld(t);
  const outcome = await world.agent.request(register(world, { target: { protocol: "udp", host: "no-such-host.invalid", port: 5060 } }));
  assert.ok("failure" in outcome);
  assert.equal(outcome.failure.kind, "unreachable");
  assert.match(outcome.failure.detail, /no-such-host\.invalid/);
});
