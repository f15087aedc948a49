import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { answerChallenge, createDigestState } from "../../../src/carriers/sip/digest.ts";
import type { Credentials } from "../../../src/carriers/sip/user-agent.ts";
import { until } from "../../support/until.ts";
import { AUDIO, heard, openWorld, QUICK, type World } from "./dialog/world.ts";
import { address, LOOPBACK, type RequestParts, sdp, tagOf } from "./peer.ts";

/** Sends an INVITE to our number. */
function invite({ peer, port }: World, parts: Partial<RequestParts> = {}) {
  return peer.ask(port, {
    method: "INVITE",
    uri: address(`<sip:+97239999999@${LOOPBACK}:${port}>`).uri,
    from: address(`"Caller" <sip:+972501234567@${LOOPBACK}>;tag=caller`),
    to: address(`<sip:+97239999999@${LOOPBACK}>`),
    ...parts,
  });
}

const first = ({ invites }: World) => until(() => invites.shift());

async function accepted(world: World, parts: Partial<RequestParts> = { body: sdp() }) {
  const sent = invite(world, parts);
  const log = heard();
  const call = (await first(world)).accept({ media: log.media, audio: AUDIO }, log.handler);
  return { sent, call, ...log };
}

const open = (t: TestContext, options: Parameters<typeof openWorld>[1] = {}) => openWorld(t, options);

test("credentials are asked for, and verified (RFC 3261 22.2, RFC 8760 2.3)", async (t) => {
  const world = await open(t);
  const { peer, port } = world;
  const sent = invite(world, { body: sdp() });
  const asked = await first(world);
  assert.equal(asked.claimedUsername, null);
  assert.equal(asked.verify({ username: "u", password: "p" }), false);
  asked.challenge("leadline");
  asked.reject(404);
  const refused = await peer.response(sent);
  assert.equal(refused.status, 401);
  assert.deepEqual(
    refused.headers.all("WWW-Authenticate").map((value) => /algorithm=(.*)$/.exec(value)?.[1]),
    ["MD5", "SHA-256"],
  );
  peer.ack(sent, refused, port);
  const authorized = (credentials: Credentials, sequence: number) => {
    const lines = answerChallenge(refused, sent, credentials, createDigestState()) ?? [];
    return invite(world, { body: sdp(), callId: sent.callId, sequence, headers: lines });
  };
  const wrong = authorized({ username: "pbx", password: "wrong" }, 2);
  const doubtful = await first(world);
  assert.equal(doubtful.claimedUsername, "pbx");
  assert.equal(doubtful.verify({ username: "pbx", password: "right" }), false);
  doubtful.reject(403, "Forbidden");
  peer.ack(wrong, await peer.response(wrong), port);
  const right = authorized({ username: "pbx", password: "right" }, 3);
  const good = await first(world);
  assert.equal(good.verify({ username: "pbx", password: "right" }), true);
  good.reject(486, "No Channel Free", [["Retry-After", "5"]]);
  const answer = await peer.response(right);
  assert.deepEqual([answer.status, answer.reason, answer.headers.get("Retry-After")], [486, "No Channel Free", "5"]);
});

test("a challenge of one node may be answered at another, when they share the secret", async (t) => {
  const nonceSecret = Buffer.alloc(32, 7);
  const [one, other, stranger] = [await open(t, { nonceSecret }), await open(t, { nonceSecret }), await open(t)];
  const sent = invite(one, { body: sdp() });
  (await first(one)).challenge("leadline");
  const asked = await one.peer.response(sent);
  const credentials = { username: "pbx", password: "right" };
  for (const [node, good] of [
    [other, true],
    [stranger, false],
  ] as const) {
    const lines = answerChallenge(asked, sent, credentials, createDigestState()) ?? [];
    invite(node, { body: sdp(), callId: sent.callId, sequence: 2, headers: lines, uri: sent.uri });
    const came = await first(node);
    assert.equal(came.verify(credentials), good);
    came.turnAway(403);
  }
});

test("strangers fill no tables, whatever they send (RFC 3261 26.3.2.4)", async (t) => {
  const world = await open(t, {
    incoming: (one) => (one.request.callId.startsWith("known") ? one.challenge("leadline") : one.turnAway(403)),
  });
  const { agent, peer } = world;
  const sent = ["OPTIONS", "REGISTER", "BYE", "CANCEL", "INVITE", "INVITE"].flatMap((method, kind) =>
    Array.from({ length: 20 }, (_, i) => invite(world, { method, callId: `${kind === 4 ? "known" : kind}-${i}`, body: "" })),
  );
  const within = invite(world, { to: address(`<sip:+97239999999@${LOOPBACK}>;tag=none`), body: sdp() });
  const statuses = await Promise.all([...sent, within].map(async (request) => (await peer.response(request)).status));
  assert.deepEqual([...new Set(statuses)], [200, 405, 481, 401, 403]);
  assert.equal(statuses.at(-1), 481);
  assert.equal(agent.endpoint.size.server, 0);
});

test("a caller who gives up before anything is decided: 487, and the owner hears it (RFC 3261 9.2)", async (t) => {
  const world = await open(t);
  const { peer, port } = world;
  const sent = invite(world, { body: sdp() });
  const incoming = await first(world);
  let gone = 0;
  incoming.onGone(() => gone++);
  const canceled = await peer.response(peer.cancel(sent, port));
  assert.equal(canceled.status, 200);
  const end = await peer.response(sent);
  assert.equal(end.status, 487);
  assert.equal(tagOf(end.to), tagOf(canceled.to));
  peer.ack(sent, end, port);
  assert.equal(gone, 1);
  incoming.reject(404);
  const log = heard();
  incoming.accept({ media: log.media, audio: AUDIO }, log.handler);
  assert.equal((await log.ended()).why, "canceled");
  assert.deepEqual(log.told, ["ended canceled"]);
});

test("CANCEL between our decision and our 200: 487, canceled, with its Reason (RFC 3261 9.2, RFC 3326)", async (t) => {
  const world = await open(t);
  const { peer, port, agent } = world;
  // The way to the caller takes its time to be found.
  const found = Promise.withResolvers<void>();
  const { reachableAt } = agent.endpoint;
  t.mock.method(agent.endpoint, "reachableAt", async (target: Parameters<typeof reachableAt>[0]) => {
    await found.promise;
    return reachableAt(target);
  });
  const { sent, told, ended } = await accepted(world);
  peer.cancel(sent, port, [["Reason", 'SIP;cause=200;text="Call completed elsewhere"']]);
  const end = await ended();
  assert.deepEqual([end.why, end.status, end.answered], ["canceled", 487, false]);
  assert.equal(end.detail, "the caller gave up: Call completed elsewhere");
  assert.equal((await peer.response(sent)).status, 487);
  found.resolve();
  assert.deepEqual(told, ["ended canceled"]);
});

test("hanging up between our decision and our 200 refuses the call", async (t) => {
  const world = await open(t);
  const { sent, call, ended } = await accepted(world);
  call.hangup();
  const end = await ended();
  assert.deepEqual([end.why, end.status, end.answered], ["canceled", 480, false]);
  assert.equal((await world.peer.response(sent)).status, 480);
});

test("CANCEL that crosses our 200 changes nothing (RFC 3261 9.2)", async (t) => {
  const world = await open(t);
  const { peer, port } = world;
  const { sent, told, ended } = await accepted(world);
  const answer = await peer.response(sent);
  const cancel = peer.cancel(sent, port);
  assert.equal((await peer.response(cancel)).status, 200);
  peer.ack(sent, answer, port);
  assert.equal((await peer.response(peer.made(sent, answer).ask("OPTIONS"))).status, 200);
  assert.deepEqual(told, ["answered"]);
  await peer.response(peer.made(sent, answer).ask("BYE", { sequence: 9 }));
  assert.equal((await ended()).why, "bye_received");
});

test("our 200 is sent until the ACK comes, with Record-Route, Contact, Allow (RFC 3261 13.3.1.4, 12.1.1)", async (t) => {
  const world = await open(t, { timers: { ...QUICK, t1Ms: 50 } });
  const { peer, port } = world;
  const route = `<sip:${LOOPBACK}:${peer.port};lr;r2=on>`;
  const { sent, call, ended, told, presence } = await accepted(world, { body: sdp(), headers: [["Record-Route", route]] });
  const answer = await peer.response(sent);
  assert.deepEqual(answer.recordRoute, [address(route)]);
  assert.match(answer.headers.all("Allow").join(), /UPDATE/);
  await peer.response(sent);
  // Whether that address is the caller's is not known yet, and so nothing is sent there.
  assert.deepEqual([told, presence], [["answered"], ["awaited"]]);
  peer.ack(sent, { ...answer, to: address(`<sip:+97239999999@${LOOPBACK}>;tag=guessed`) }, port);
  peer.ack(sent, answer, port);
  await peer.response(peer.made(sent, answer).ask("OPTIONS"));
  assert.deepEqual(presence, ["awaited", "there"]);
  call.hangup();
  const bye = await peer.request("BYE");
  assert.deepEqual(bye.route, [address(route)]);
  assert.equal(bye.uri.kind === "sip" && bye.uri.user, "peer");
  peer.respond(bye, 200);
  await ended();
});

test("no ACK in 64*T1: BYE, and the call is lost (RFC 3261 13.3.1.4)", async (t) => {
  const world = await open(t, { timers: { ...QUICK, t1Ms: 50 } });
  const { sent, ended } = await accepted(world);
  const answer = await world.peer.response(sent);
  const bye = await world.peer.request("BYE");
  assert.equal(tagOf(bye.from), tagOf(answer.to));
  world.peer.respond(bye, 200);
  const end = await ended();
  assert.deepEqual([end.why, end.detail, end.answered], ["lost", "our answer was never acknowledged", true]);
});

test("hanging up before the ACK waits for it (RFC 3261 15)", async (t) => {
  const world = await open(t);
  const { peer, port } = world;
  const { sent, call, ended, told } = await accepted(world);
  const answer = await peer.response(sent);
  call.hangup();
  // What they ask meanwhile is answered, and no BYE is there yet.
  await peer.response(peer.made(sent, answer).ask("OPTIONS"));
  assert.equal(
    peer.received.some((message) => message.kind === "request"),
    false,
  );
  assert.deepEqual(told, ["answered"]);
  peer.ack(sent, answer, port);
  peer.respond(await peer.request("BYE"), 200);
  assert.equal((await ended()).why, "bye_sent");
});

test("BYE before the ACK ends the call, and our 200 is not sent any more (RFC 3261 15)", async (t) => {
  const world = await open(t);
  const { peer } = world;
  const { sent, ended } = await accepted(world);
  const dialog = peer.made(sent, await peer.response(sent));
  assert.equal((await peer.response(dialog.ask("BYE"))).status, 200);
  const end = await ended();
  assert.deepEqual([end.why, end.answered], ["bye_received", true]);
});

test("an INVITE without SDP gets our offer, and the ACK brings the answer (RFC 3261 13.2.1, 13.3.1)", async (t) => {
  const world = await open(t);
  const { peer, port } = world;
  const { sent, call, told, ended, negotiated } = await accepted(world, {});
  const answer = await peer.response(sent);
  assert.match(answer.body.toString(), /m=audio 30000/);
  assert.equal(told.length, 0);
  peer.ack(sent, answer, port, { body: sdp(44_000) });
  await until(() => told.includes("answered"));
  assert.equal(negotiated.at(-1)?.remote?.port, 44_000);
  call.hangup();
  peer.respond(await peer.request("BYE"), 200);
  await ended();
});

for (const body of [undefined, sdp(44_000, { codec: "18 G729/8000" })]) {
  test(`an INVITE without SDP whose ACK has ${body ? "no codec of ours" : "no SDP either"} is ended (RFC 3261 13.2.1)`, async (t) => {
    const world = await open(t);
    const { peer, port } = world;
    const { sent, told, ended } = await accepted(world, {});
    const answer = await peer.response(sent);
    peer.ack(sent, answer, port, body ? { body } : {});
    peer.respond(await peer.request("BYE"), 200);
    assert.equal((await ended()).why, "failed");
    assert.deepEqual(told, ["ended failed"]);
  });
}

test("within a call that came in, a realm that asked us from there before is given the trunk's credentials; another one, or from elsewhere, or for another user, nothing", async (t) => {
  const world = await open(t);
  const { agent, peer, port } = world;
  const credentials = { username: "line", password: "secret" };
  const to = address("<sip:line@example.com>");
  const provider = await world.newPeer("127.0.0.2");
  for (const [at, realm] of [
    [peer, "gateway"],
    [provider, "provider"],
  ] as const) {
    const asked = agent.request({ method: "REGISTER", target: at.target, uri: to.uri, from: to, to, credentials, timeoutMs: 5_000 });
    at.respond(await at.request("REGISTER"), 401, { headers: [["WWW-Authenticate", `Digest realm="${realm}", nonce="a"`]] });
    at.respond(await at.request("REGISTER"), 200);
    await asked;
  }
  for (const [realm, user, known] of [
    ["far end", credentials, false],
    // What the realms of providers are called is known to everybody.
    ["provider", credentials, false],
    ["gateway", { ...credentials, password: "other" }, false],
    ["gateway", credentials, true],
  ] as const) {
    const sent = invite(world, { body: sdp() });
    const log = heard();
    const call = (await first(world)).accept({ media: log.media, audio: AUDIO, credentials: user }, log.handler);
    peer.ack(sent, await peer.response(sent), port);
    await until(() => log.presence.includes("there"), { what: "the ACK" });
    call.hangup();
    const bye = await peer.request("BYE");
    assert.equal(bye.headers.has("Proxy-Authorization"), false);
    peer.respond(bye, 407, { headers: [["Proxy-Authenticate", `Digest realm="${realm}", nonce="b"`]] });
    if (known) {
      const again = await peer.request("BYE");
      assert.match(again.headers.get("Proxy-Authorization") ?? "", /username="line", realm="gateway", nonce="b"/);
      assert.equal(again.cseq.sequence, bye.cseq.sequence + 1);
      peer.respond(again, 200);
    }
    assert.equal((await log.ended()).why, "bye_sent");
  }
  const authorized = peer.received.filter((message) => message.kind === "request" && message.headers.has("Proxy-Authorization"));
  // Copies of one are one.
  assert.equal(new Set(authorized.map(({ callId, cseq }) => `${callId} ${cseq.sequence}`)).size, 1);
});

test("no codec in common: 488 with words, and the owner hears them (RFC 3261 13.3.1.3)", async (t) => {
  const world = await open(t);
  const { sent, ended } = await accepted(world, { body: sdp(40_000, { codec: "18 G729/8000" }) });
  const answer = await world.peer.response(sent);
  assert.equal(answer.status, 488);
  assert.match(answer.headers.get("Warning") ?? "", /^399 leadline ".*codec/);
  const end = await ended();
  assert.deepEqual([end.why, end.status, end.answered], ["failed", 488, false]);
  assert.match(end.detail, /codec/);
});

test("an INVITE that requires 100rel is answered with 200 at once (RFC 3262 3)", async (t) => {
  const world = await open(t);
  const { peer, port } = world;
  const { sent, ended } = await accepted(world, { body: sdp(), headers: [["Require", "100rel"]] });
  const answer = await peer.response(sent);
  assert.equal(answer.status, 200);
  peer.ack(sent, answer, port);
  await peer.response(peer.made(sent, answer).ask("BYE"));
  await ended();
});

const refused: ReadonlyArray<{ what: string; parts: Partial<RequestParts>; status: number; header?: readonly [string, RegExp] }> = [
  {
    what: "an unknown extension is required (RFC 3261 8.2.2.3)",
    parts: { headers: [["Require", "timer, precondition, foo"]], body: sdp() },
    status: 420,
    header: ["Unsupported", /^precondition, foo$/],
  },
  {
    what: "Replaces is required (RFC 3891 3)",
    parts: {
      headers: [
        ["Require", "replaces"],
        ["Replaces", "a;to-tag=b;from-tag=c"],
      ],
    },
    status: 420,
  },
  { what: "Replaces names no call of ours (RFC 3891 3)", parts: { headers: [["Replaces", "a;to-tag=b;from-tag=c"]] }, status: 481 },
  {
    what: "the body is of another type (RFC 3261 8.2.3)",
    parts: { headers: [["Content-Type", "text/plain"]], body: "hello" },
    status: 415,
    header: ["Accept", /application\/sdp/],
  },
  {
    what: "the body is encoded (RFC 3261 8.2.3)",
    parts: { headers: [["Content-Encoding", "gzip"]], body: sdp() },
    status: 415,
    header: ["Accept-Encoding", /identity/],
  },
  {
    what: "an answer with SDP would not be taken (RFC 3261 20.1, RFC 4475 3.3.15)",
    parts: { headers: [["Accept", "text/nobodyKnowsThis, application/sdp+xml;q=1"]], body: sdp() },
    status: 406,
    header: ["Accept", /^application\/sdp$/],
  },
  { what: "it has no Contact (RFC 3261 8.1.1.8)", parts: { contact: null, body: sdp() }, status: 400 },
  {
    what: "the scheme is unknown (RFC 3261 8.2.2.1)",
    parts: { uri: address("<mailto:somebody@example.com>").uri, body: sdp() },
    status: 416,
  },
  {
    what: "it belongs to a call that is not there (RFC 3261 12.2.2)",
    parts: { to: address("<sip:a@b>;tag=gone"), body: sdp() },
    status: 481,
  },
  {
    what: "the session interval is too short (RFC 4028 9)",
    parts: {
      headers: [
        ["Supported", "timer"],
        ["Session-Expires", "60"],
      ],
      body: sdp(),
    },
    status: 422,
    header: ["Min-SE", /^90$/],
  },
];

for (const range of ["application/sdp;level=1, text/html", "Application/*", "*/*"]) {
  test(`an INVITE that accepts ${range} is not refused for it (RFC 3261 20.1)`, async (t) => {
    const world = await open(t);
    const sent = invite(world, { headers: [["Accept", range]], body: sdp() });
    (await first(world)).reject(486);
    assert.equal((await world.peer.response(sent)).status, 486);
  });
}

for (const { what, parts, status, header } of refused) {
  test(`an INVITE is refused with ${status} when ${what}`, async (t) => {
    const world = await open(t);
    const answer = await world.peer.response(invite(world, parts));
    assert.equal(answer.status, status);
    if (header) assert.match(answer.headers.all(header[0]).join(", "), header[1]);
    assert.equal(world.invites.length, 0);
  });
}

const outside: ReadonlyArray<{ method: string; status: number; allow: boolean }> = [
  { method: "OPTIONS", status: 200, allow: true },
  { method: "MESSAGE", status: 405, allow: true },
  { method: "SUBSCRIBE", status: 405, allow: true },
  { method: "REGISTER", status: 405, allow: true },
  { method: "FROBNICATE", status: 405, allow: true },
  { method: "NOTIFY", status: 489, allow: true },
  { method: "REFER", status: 603, allow: false },
  { method: "BYE", status: 481, allow: false },
  { method: "INFO", status: 481, allow: false },
  { method: "UPDATE", status: 481, allow: false },
  { method: "PRACK", status: 481, allow: false },
];

test("requests outside of a call are answered as RFC 3261 8.2.1 and 11.2 say", async (t) => {
  const world = await open(t);
  for (const { method, status, allow } of outside) {
    const answer = await world.peer.response(invite(world, { method }));
    assert.equal(answer.status, status, method);
    assert.equal(/INVITE.*BYE/.test(answer.headers.all("Allow").join(", ")), allow, method);
    if (method === "OPTIONS") {
      assert.ok(answer.headers.all("Accept").includes("application/sdp"));
      assert.deepEqual(answer.headers.all("Supported"), ["100rel", "timer"]);
    }
  }
});

test("closing hangs up every call, waits for them, and takes no more (RFC 3261 15)", async (t) => {
  const world = await open(t);
  const { peer, port, agent } = world;
  const { sent, ended } = await accepted(world);
  const answer = await peer.response(sent);
  peer.ack(sent, answer, port);
  await peer.response(peer.made(sent, answer).ask("OPTIONS"));
  const placed = world.call();
  const outgoing = await peer.request("INVITE");
  peer.respond(outgoing, 180);
  await until(() => placed.told.includes("ringing"));
  const closed = agent.close(10_000);
  assert.equal((await peer.response(invite(world, { body: sdp(), callId: "late" }))).status, 503);
  assert.equal((await peer.response(invite(world, { method: "OPTIONS", callId: "alive?" }))).status, 503);
  peer.respond(await peer.request("BYE"), 200);
  peer.respond(await peer.request("CANCEL"), 200);
  peer.respond(outgoing, 487);
  await closed;
  assert.equal((await ended()).why, "bye_sent");
  assert.equal((await placed.ended()).why, "canceled");
});
