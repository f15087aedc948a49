import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { createHeaders } from "../../../src/carriers/sip/message/createHeaders.ts";
import { createStreamParser } from "../../../src/carriers/sip/message/createStreamParser.ts";
import type { SipRequest } from "../../../src/carriers/sip/message/message.ts";
import { parseMessage } from "../../../src/carriers/sip/message/parseMessage.ts";
import { writeMessage } from "../../../src/carriers/sip/message/writeMessage.ts";
import { until } from "../../support/until.ts";
import { openWorld, QUICK, type World } from "./dialog/world.ts";
import { eventsOf } from "./message/eventsOf.ts";
import { address, LOOPBACK, sdp, tagOf } from "./peer.ts";

const challenge = (scheme: "WWW" | "Proxy", parts: string) => ({ headers: [[`${scheme}-Authenticate`, `Digest ${parts}`]] as const });
const CREDENTIALS = { username: "line", password: "secret" };

/** Ends a call that stands. */
async function hangUp({ peer }: World, placed: ReturnType<World["call"]>, tag?: string) {
  placed.call.hangup();
  peer.respond(await peer.request("BYE", (bye) => tag === undefined || tagOf(bye.to) === tag), 200);
  return placed.ended();
}

test("credentials are given to a proxy and to the callee, each for its own realm (RFC 3261 22.2, 22.3)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call({ credentials: CREDENTIALS });
  const first = await peer.request("INVITE");
  assert.equal(first.headers.has("Authorization"), false);
  peer.respond(first, 407, challenge("Proxy", 'realm="proxy", nonce="n1", qop="auth"'));
  const second = await peer.request("INVITE");
  assert.equal(second.callId, first.callId);
  assert.equal(tagOf(second.from), tagOf(first.from));
  assert.equal(tagOf(second.to), "");
  assert.equal(second.cseq.sequence, first.cseq.sequence + 1);
  assert.match(second.headers.get("Proxy-Authorization") ?? "", /realm="proxy".*nc=00000001/);
  peer.respond(second, 401, challenge("WWW", 'realm="callee", nonce="n2", qop="auth"'));
  const third = await peer.request("INVITE");
  assert.match(third.headers.get("Proxy-Authorization") ?? "", /realm="proxy"/);
  assert.match(third.headers.get("Authorization") ?? "", /realm="callee"/);
  peer.respond(third, 200, { body: sdp() });
  const ack = await peer.request("ACK", (request) => request.cseq.sequence === third.cseq.sequence);
  // 13.2.2.4: the ACK has the INVITE's credentials.
  assert.equal(ack.headers.get("Authorization"), third.headers.get("Authorization"));
  await until(() => placed.told.includes("answered"));
  // What was asked for once is given at once from then on.
  placed.call.hangup();
  const bye = await peer.request("BYE");
  assert.match(bye.headers.get("Proxy-Authorization") ?? "", /nonce="n1".*nc=00000003/);
  peer.respond(bye, 407, challenge("Proxy", 'realm="proxy", nonce="n3", qop="auth", stale=true'));
  const again = await peer.request("BYE");
  assert.equal(again.cseq.sequence, bye.cseq.sequence + 1);
  assert.match(again.headers.get("Proxy-Authorization") ?? "", /nonce="n3"/);
  peer.respond(again, 200);
  assert.equal((await placed.ended()).why, "bye_sent");
});

test("a stale nonce is not a wrong password (RFC 7616 3.3)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call({ credentials: CREDENTIALS });
  peer.respond(await peer.request("INVITE"), 401, challenge("WWW", 'realm="r", nonce="old"'));
  peer.respond(await peer.request("INVITE"), 401, challenge("WWW", 'realm="r", nonce="new", stale=true'));
  const third = await peer.request("INVITE");
  assert.match(third.headers.get("Authorization") ?? "", /nonce="new"/);
  peer.respond(third, 200, { body: sdp() });
  await until(() => placed.told.includes("answered"));
  await hangUp(world, placed);
});

test("a wrong password ends the call in words, and nothing is tried again and again (RFC 3261 22.1)", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call({ credentials: CREDENTIALS });
  peer.respond(await peer.request("INVITE"), 401, challenge("WWW", 'realm="r", nonce="a"'));
  peer.respond(await peer.request("INVITE"), 401, challenge("WWW", 'realm="r", nonce="b"'));
  const end = await placed.ended();
  assert.equal(end.why, "rejected");
  assert.equal(end.status, 401);
  assert.equal(end.detail, "the password of user line is refused");
});

test("a challenge without credentials of ours ends the call in words", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  peer.respond(await peer.request("INVITE"), 407, challenge("Proxy", 'realm="r", nonce="a"'));
  const end = await placed.ended();
  assert.equal(end.detail, "a user name and a password are asked for");
  assert.equal(end.why, "rejected");
});

test("hanging up while a challenge is on its way ends the call as canceled, and sends no other INVITE", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call({ credentials: CREDENTIALS });
  const invite = await peer.request("INVITE");
  placed.call.hangup();
  peer.respond(invite, 401, challenge("WWW", 'realm="r", nonce="a"'));
  assert.equal((await placed.ended()).why, "canceled");
  await peer.request("ACK");
  assert.equal(peer.received.filter((message) => message.kind === "request" && message.method === "INVITE").length, peer.copies(invite));
});

for (const { status, q850, retryAfter } of [
  { status: 486 },
  { status: 603 },
  { status: 404, q850: 1 },
  { status: 480 },
  { status: 503, retryAfter: 12 },
  { status: 487 },
]) {
  test(`a final ${status} ends the call as rejected (RFC 3261 13.2.2.3)`, async (t) => {
    const { peer, call } = await openWorld(t);
    const placed = call();
    const headers = [
      ...(q850 ? [["Reason", `Q.850;cause=${q850}`] as const] : []),
      ...(retryAfter ? [["Retry-After", `${retryAfter} (maintenance);duration=5`] as const] : []),
    ];
    peer.respond(await peer.request("INVITE"), status, { headers, reason: "No Thanks" });
    assert.deepEqual(await placed.ended(), {
      why: "rejected",
      detail: `${status} No Thanks`,
      status,
      reason: "No Thanks",
      q850: q850 ?? null,
      answered: false,
      ...(retryAfter ? { retryAfterSeconds: retryAfter } : {}),
    });
    await peer.request("ACK");
  });
}

test("a redirect is not followed, and says so (RFC 3261 8.1.3.4)", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  peer.respond(await peer.request("INVITE"), 302, { contact: address("<sip:other@192.0.2.1>"), reason: "Moved Temporarily" });
  const end = await placed.ended();
  assert.equal(end.why, "rejected");
  assert.equal(end.detail, "302 Moved Temporarily: redirects, here to sip:other@192.0.2.1, are not followed");
});

test("audio in a 183 is heard before the answer, and the 200 need not say it again (RFC 3261 13.2.1)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  peer.respond(invite, 183, { body: sdp(41_000) });
  await until(() => placed.told.includes("ringing with audio"));
  peer.respond(invite, 183, { body: sdp(41_000) });
  peer.respond(invite, 200, {});
  await until(() => placed.told.includes("answered"));
  assert.deepEqual(placed.told, ["ringing", "ringing with audio", "answered"]);
  assert.deepEqual(
    placed.negotiated.map((audio) => audio.remote?.port),
    [41_000],
  );
  await hangUp(world, placed);
});

test("a 200 with another SDP than an unreliable 183 counts (RFC 6337 3.1.1)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 183, { body: sdp(41_000) });
  peer.respond(invite, 200, { body: sdp(42_000) });
  await until(() => placed.told.includes("answered"));
  assert.equal(placed.negotiated.at(-1)?.remote?.port, 42_000);
  await hangUp(world, placed);
});

test("reliable provisional responses are acknowledged in their order, once each (RFC 3262 4)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  const reliable = (rseq: number) => [["Require", "100rel"] as const, ["RSeq", String(rseq)] as const];
  peer.respond(invite, 183, { headers: reliable(70), body: sdp(41_000) });
  const prack = await peer.request("PRACK");
  assert.equal(prack.headers.get("RAck"), `70 ${invite.cseq.sequence} INVITE`);
  assert.equal(prack.cseq.sequence, invite.cseq.sequence + 1);
  assert.equal(tagOf(prack.to), tagOf(peer.respond(prack, 200).to));
  // Again, and one too early: neither is acknowledged.
  peer.respond(invite, 183, { headers: reliable(70), body: sdp(41_000) });
  peer.respond(invite, 180, { headers: reliable(72) });
  peer.respond(invite, 180, { headers: reliable(71) });
  const second = await peer.request("PRACK");
  assert.equal(second.headers.get("RAck"), `71 ${invite.cseq.sequence} INVITE`);
  peer.respond(second, 200);
  peer.respond(invite, 180, { headers: reliable(72) });
  const third = await peer.request("PRACK");
  assert.equal(third.headers.get("RAck"), `72 ${invite.cseq.sequence} INVITE`);
  peer.respond(third, 200);
  // The answer was given reliably: another one is ignored (RFC 3261 13.2.1).
  peer.respond(invite, 200, { body: sdp(42_000) });
  await until(() => placed.told.includes("answered"));
  assert.deepEqual(
    placed.negotiated.map((audio) => audio.remote?.port),
    [41_000],
  );
  placed.call.hangup();
  const bye = await peer.request("BYE");
  assert.equal(bye.cseq.sequence, third.cseq.sequence + 1);
  peer.respond(bye, 200);
  await placed.ended();
});

test("a PRACK that is challenged is sent again with credentials (RFC 3262 5)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call({ credentials: CREDENTIALS });
  peer.respond(await peer.request("INVITE"), 407, challenge("Proxy", 'realm="r", nonce="0"'));
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180, {
    headers: [
      ["Require", "100rel"],
      ["RSeq", "1"],
    ],
  });
  peer.respond(await peer.request("PRACK"), 407, challenge("Proxy", 'realm="r", nonce="a", stale=true'));
  const again = await peer.request("PRACK");
  assert.match(again.headers.get("Proxy-Authorization") ?? "", /nonce="a"/);
  peer.respond(again, 200);
  peer.respond(invite, 200, { body: sdp() });
  await until(() => placed.told.includes("answered"));
  await hangUp(world, placed);
});

test("within a call nobody is told a digest who did not ask for one before: it may be the far end, guessing", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call({ credentials: CREDENTIALS });
  peer.respond(await peer.request("INVITE"), 407, challenge("Proxy", 'realm="gateway", nonce="g"'));
  peer.respond(await peer.request("INVITE"), 200, { body: sdp() });
  await until(() => placed.told.includes("answered"));
  placed.call.hangup();
  peer.respond(await peer.request("BYE"), 401, challenge("WWW", 'realm="far end", nonce="f"'));
  assert.equal((await placed.ended()).why, "bye_sent");
  const told = peer.received.some((message) => message.headers.all("Authorization").length > 0);
  assert.equal(told, false);
});

test("of a forked call the first 2xx wins; another one gets ACK and BYE (RFC 3261 13.2.2.4)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 183, { tag: "one", body: sdp(41_000) });
  await until(() => placed.negotiated.length === 1);
  peer.respond(invite, 183, { tag: "two", body: sdp(42_000, { codec: "0 PCMU/8000" }) });
  await until(() => placed.negotiated.length === 2);
  peer.respond(invite, 200, { tag: "one", body: sdp(41_000) });
  assert.equal(tagOf((await peer.request("ACK")).to), "one");
  await until(() => placed.told.includes("answered"));
  peer.respond(invite, 200, { tag: "two", body: sdp(42_000, { codec: "0 PCMU/8000" }) });
  assert.equal(tagOf((await peer.request("ACK")).to), "two");
  const bye = await peer.request("BYE");
  assert.equal(tagOf(bye.to), "two");
  peer.respond(bye, 200);
  assert.deepEqual(
    placed.negotiated.map(({ codec, remote }) => `${codec} ${remote?.port}`),
    ["PCMA 41000", "PCMU 42000", "PCMA 41000"],
  );
  // The other branch's call is not ours any more; the first one goes on.
  assert.equal((await peer.response(peer.taken(invite, "two").ask("BYE"))).status, 481);
  assert.equal((await peer.response(peer.taken(invite, "one").ask("OPTIONS"))).status, 200);
  assert.equal((await hangUp(world, placed)).why, "bye_sent");
});

test("a gateway that answers as ever more branches makes us send no more, and keep no more, than 32 branches ask for", async (t) => {
  const world = await openWorld(t, { timers: QUICK });
  const { peer, agent } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 200, { body: sdp(), tag: "first" });
  await until(() => placed.told.includes("answered"));
  for (let i = 0; i < 200; i++) peer.respond(invite, 200, { body: sdp(), tag: `t${i}` });
  // What comes behind them has passed them.
  await peer.response(peer.ask(world.port, { method: "OPTIONS", uri: invite.uri, from: invite.from, to: invite.to }));
  await hangUp(world, placed, "first");
  await until(() => agent.endpoint.size.client === 0);
  const byes = peer.received.flatMap((message) => (message.kind === "request" && message.method === "BYE" ? [tagOf(message.to)] : []));
  assert.equal(new Set(byes).size, 32);
});

test("each copy of a 2xx gets the same ACK again, also after the call (RFC 3261 13.2.2.4)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  const acks = () => peer.received.filter((message) => message.kind === "request" && message.method === "ACK").length;
  peer.respond(invite, 200, { body: sdp() });
  await until(() => acks() === 1);
  peer.respond(invite, 200, { body: sdp() });
  await until(() => acks() === 2);
  await hangUp(world, placed);
  peer.respond(invite, 200, { body: sdp() });
  await until(() => acks() === 3);
  assert.deepEqual(placed.told, ["answered", "ended bye_sent"]);
});

test("a 200 without SDP is acknowledged and ended (RFC 3261 13.2.2.4)", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  peer.respond(await peer.request("INVITE"), 200);
  await peer.request("ACK");
  peer.respond(await peer.request("BYE"), 200);
  assert.deepEqual(await placed.ended(), {
    why: "failed",
    detail: "the answer has no SDP",
    status: 200,
    reason: "Said So",
    q850: null,
    answered: false,
  });
});

test("a 200 with no codec of ours is acknowledged and ended, in words", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  peer.respond(await peer.request("INVITE"), 200, { body: sdp(40_000, { codec: "18 G729/8000" }) });
  await peer.request("ACK");
  peer.respond(await peer.request("BYE"), 200);
  const end = await placed.ended();
  assert.equal(end.why, "failed");
  assert.match(end.detail, /codec/);
  assert.deepEqual(placed.told, ["ended failed"]);
});

test("too short a session interval is made longer (RFC 4028 7.4)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const first = await peer.request("INVITE");
  peer.respond(first, 422, { headers: [["Min-SE", "3600"]] });
  const second = await peer.request("INVITE");
  assert.equal(second.callId, first.callId);
  assert.equal(second.cseq.sequence, first.cseq.sequence + 1);
  assert.equal(second.headers.get("Session-Expires"), "3600");
  assert.equal(second.headers.get("Min-SE"), "3600");
  // The same again is no use.
  peer.respond(second, 422, { headers: [["Min-SE", "3600"]] });
  assert.equal((await placed.ended()).status, 422);
});

test("hanging up before anything came sends CANCEL only after a provisional response (RFC 3261 9.1)", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  placed.call.hangup();
  placed.call.hangup();
  peer.respond(invite, 100);
  const cancel = await peer.request("CANCEL");
  assert.equal(cancel.via[0]?.params.get("branch"), invite.via[0]?.params.get("branch"));
  peer.respond(cancel, 200);
  peer.respond(invite, 487);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.status, end.answered], ["canceled", 487, false]);
  await peer.request("ACK");
});

test("hanging up before the INVITE has gone sends none", async (t) => {
  const { peer, call, agent } = await openWorld(t);
  const placed = call();
  placed.call.hangup();
  assert.equal((await placed.ended()).why, "canceled");
  assert.equal(agent.size, 0);
  // What is sent next arrives next.
  const other = call();
  const invite = await peer.request("INVITE");
  assert.equal(peer.received.length, peer.copies(invite));
  peer.respond(invite, 486);
  await other.ended();
});

test("hanging up while it rings: CANCEL, 487 (RFC 3261 9.1)", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  placed.call.hangup();
  peer.respond(await peer.request("CANCEL"), 200);
  peer.respond(invite, 487);
  assert.equal((await placed.ended()).why, "canceled");
});

test("CANCEL that crosses a 200: ACK, BYE, and the call counts as canceled (RFC 3261 9.1)", async (t) => {
  const { peer, call, agent } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  placed.call.hangup();
  peer.respond(invite, 200, { body: sdp() });
  peer.respond(await peer.request("CANCEL"), 481);
  await peer.request("ACK");
  peer.respond(await peer.request("BYE"), 200);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.answered, end.status], ["canceled", false, 200]);
  assert.deepEqual(placed.told, ["ringing", "ended canceled"]);
  assert.equal(agent.size, 0);
});

test("a BYE that crosses ours for an answer that came too late gets 200, and the call is over (RFC 3261 15.1.2)", async (t) => {
  const { peer, call, agent } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  placed.call.hangup();
  const answer = peer.respond(invite, 200, { body: sdp() });
  peer.respond(await peer.request("CANCEL"), 200);
  const ours = await peer.request("BYE");
  const theirs = peer.taken(invite, tagOf(answer.to)).ask("BYE");
  assert.equal((await peer.response(theirs)).status, 200);
  assert.equal((await placed.ended()).why, "canceled");
  assert.equal(agent.size, 0);
  peer.respond(ours, 200);
});

test("an answer that cannot be used, and a BYE that nobody answers: the call ends all the same", async (t) => {
  const { peer, call, advance, agent } = await openWorld(t);
  const placed = call();
  peer.respond(await peer.request("INVITE"), 200, { body: sdp(40_000, { codec: "18 G729/8000" }) });
  const bye = await peer.request("BYE");
  assert.equal(agent.size, 1);
  advance(5_000);
  assert.equal((await placed.ended()).why, "failed");
  assert.equal(agent.size, 0);
  peer.respond(bye, 200);
});

test("CANCEL that crosses a 486: canceled, with what the callee said (RFC 3261 9.1)", async (t) => {
  const { peer, call } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  placed.call.hangup();
  peer.respond(invite, 486);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.status], ["canceled", 486]);
});

test("a 200 that comes when a canceled call has been given up: ACK and BYE still (RFC 3261 9.1)", async (t) => {
  const { peer, call, agent, advance } = await openWorld(t);
  const placed = call();
  const invite = await peer.request("INVITE");
  peer.respond(invite, 180);
  await until(() => placed.told.includes("ringing"));
  placed.call.hangup();
  peer.respond(await peer.request("CANCEL"), 200);
  advance(5_000);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.status], ["canceled", null]);
  assert.equal(agent.size, 0);
  peer.respond(invite, 200, { body: sdp() });
  await peer.request("ACK");
  peer.respond(await peer.request("BYE"), 200);
  assert.deepEqual(placed.told, ["ringing", "ended canceled"]);
});

for (const silent of [false, true]) {
  test(`ringing to the end: CANCEL, and no answer${silent ? " also when 487 never comes" : ""} (RFC 3261 9.1)`, async (t) => {
    const { peer, call, advance } = await openWorld(t);
    const placed = call({ ringTimeoutMs: 20_000 });
    const invite = await peer.request("INVITE");
    peer.respond(invite, 180);
    await until(() => placed.told.includes("ringing"));
    advance(20_000);
    peer.respond(await peer.request("CANCEL"), 200);
    if (silent) advance(5_000);
    else peer.respond(invite, 487);
    const end = await placed.ended();
    assert.deepEqual([end.why, end.status], ["no_answer", silent ? null : 487]);
  });
}

test("a gateway that says nothing is unreachable; what it says too late is ended", async (t) => {
  const { peer, call, agent, advance } = await openWorld(t);
  const placed = call({ firstResponseTimeoutMs: 5_000 });
  const invite = await peer.request("INVITE");
  advance(5_000);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.status, end.detail], ["unreachable", null, "no answer of any kind within 5 s"]);
  assert.equal(agent.size, 0);
  peer.respond(invite, 180);
  peer.respond(await peer.request("CANCEL"), 200);
  peer.respond(invite, 200, { body: sdp() });
  await peer.request("ACK");
  peer.respond(await peer.request("BYE"), 200);
});

test("a gateway that says nothing at all has not let it ring to the end: unreachable, not no answer", async (t) => {
  const { peer, call, advance } = await openWorld(t);
  const placed = call({ firstResponseTimeoutMs: 32_000, ringTimeoutMs: 20_000 });
  await peer.request("INVITE");
  advance(20_000);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.status, end.detail], ["unreachable", null, "no answer of any kind within 20 s"]);
});

test("a 100 says that the gateway is there (RFC 3261 8.2.6.1)", async (t) => {
  const world = await openWorld(t);
  const { peer, port, advance } = world;
  const placed = world.call({ firstResponseTimeoutMs: 5_000, ringTimeoutMs: 20_000 });
  const invite = await peer.request("INVITE");
  peer.respond(invite, 100);
  const { uri, from, to } = invite;
  await peer.response(peer.ask(port, { method: "OPTIONS", uri, from, to }));
  // Only the ring timeout ends it.
  advance(19_999);
  assert.deepEqual(placed.told, []);
  advance(1);
  peer.respond(await peer.request("CANCEL"), 200);
  peer.respond(invite, 487);
  assert.equal((await placed.ended()).why, "no_answer");
});

test("no answer to the INVITE at all is told as unreachable (timer B, RFC 3261 17.1.1.2)", async (t) => {
  const { call } = await openWorld(t, { timers: QUICK });
  assert.equal((await call().ended()).why, "unreachable");
});

test("a gateway whose name nobody knows is unreachable, in words", async (t) => {
  const { call } = await openWorld(t);
  const end = await call({ target: { protocol: "udp", host: "no-such-host.invalid", port: 5060 } }).ended();
  assert.equal(end.why, "unreachable");
  assert.match(end.detail, /no-such-host\.invalid/);
});

test("a request before the answer: UPDATE only after a reliable answer, no INVITE, no BYE, but INFO (RFC 3311 5.2, RFC 3261 14.2, 15)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const placed = world.call();
  const invite = await peer.request("INVITE");
  const early = peer.respond(invite, 183, { tag: "early", body: sdp() });
  await until(() => placed.told.length > 0);
  const dialog = peer.taken(invite, tagOf(early.to));
  assert.equal((await peer.response(dialog.ask("UPDATE", { body: sdp(43_000) }))).status, 491);
  assert.equal((await peer.response(dialog.ask("UPDATE"))).status, 200);
  assert.equal((await peer.response(dialog.ask("INVITE", { body: sdp(43_000) }))).status, 491);
  assert.equal((await peer.response(dialog.ask("BYE"))).status, 481);
  assert.equal((await peer.response(dialog.ask("OPTIONS"))).status, 200);
  // 481 would say that the call is gone (RFC 3261 12.2.1.2).
  assert.equal((await peer.response(dialog.ask("INFO"))).status, 200);
  assert.equal((await peer.response(dialog.ask("INFO", { headers: [["Info-Package", "foo"]] }))).status, 469);
  assert.equal((await peer.response(dialog.ask("OPTIONS", { sequence: 1 }))).status, 500);
  assert.equal((await peer.response(peer.taken(invite, "other").ask("OPTIONS"))).status, 481);
  peer.respond(invite, 183, {
    tag: "early",
    body: sdp(),
    headers: [
      ["Require", "100rel"],
      ["RSeq", "9"],
    ],
  });
  peer.respond(await peer.request("PRACK"), 200);
  const updated = await peer.response(dialog.ask("UPDATE", { body: sdp(43_000, { version: 2 }) }));
  assert.equal(updated.status, 200);
  assert.match(updated.body.toString(), /m=audio/);
  assert.equal(placed.negotiated.at(-1)?.remote?.port, 43_000);
  peer.respond(invite, 200, { tag: "early" });
  await until(() => placed.told.includes("answered"));
  await hangUp(world, placed);
});

test("what the owner wants in the INVITE is there; User-Agent too", async (t) => {
  const { peer, call } = await openWorld(t, { userAgent: "Leadline" });
  const placed = call({ headers: [["P-Asserted-Identity", "<sip:+97231234567@example.com>"]] });
  const invite: SipRequest = await peer.request("INVITE");
  assert.equal(invite.headers.get("P-Asserted-Identity"), "<sip:+97231234567@example.com>");
  assert.equal(invite.headers.get("User-Agent"), "Leadline");
  peer.respond(invite, 486);
  await placed.ended();
});

test("a connection that breaks after a provisional response: failed, not unreachable, as it may ring (RFC 3261 17.1.4)", async (t) => {
  const { call } = await openWorld(t);
  const server = createServer((socket) => {
    const parser = createStreamParser();
    socket.on("data", (chunk) => {
      for (const event of eventsOf(parser, Buffer.from(chunk))) {
        const parsed = event.kind === "message" ? parseMessage(event.bytes) : undefined;
        if (parsed?.ok && parsed.message.kind === "request") {
          const { via, from, to, callId, cseq } = parsed.message;
          const base = { via, from, to, callId, cseq, contact: [], recordRoute: [], headers: createHeaders(), body: Buffer.alloc(0) };
          socket.end(writeMessage({ ...base, kind: "response", status: 180, reason: "Ringing" }));
        }
      }
    });
  });
  server.listen(0, LOOPBACK);
  await once(server, "listening");
  t.after(() => server.close());
  const bound = server.address();
  const port = bound !== null && typeof bound === "object" ? bound.port : 0;
  const placed = call({ target: { protocol: "tcp", host: LOOPBACK, port } });
  const end = await placed.ended();
  assert.deepEqual(placed.told, ["ringing", "ended failed"]);
  assert.deepEqual([end.why, end.status, end.answered], ["failed", null, false]);
});
