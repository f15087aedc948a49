import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import type { InviteOptions } from "../../../src/carriers/sip/user-agent.ts";
import { until } from "../../support/until.ts";
import { openWorld, QUICK } from "./dialog/world.ts";
import { address, LOOPBACK, sdp, tagOf } from "./peer.ts";

type Options = Parameters<typeof openWorld>[1];

/** A call of ours that the peer has answered. */
async function talking(
  t: TestContext,
  {
    answer = [],
    world: options,
    ...over
  }: { answer?: ReadonlyArray<readonly [string, string]>; world?: Options } & Partial<InviteOptions> = {},
) {
  const world = await openWorld(t, options);
  const { peer } = world;
  const placed = world.call(over);
  const invite = await peer.request("INVITE");
  const answered = peer.respond(invite, 200, { body: sdp(), headers: answer });
  await peer.request("ACK");
  await until(() => placed.told.includes("answered"));
  const dialog = peer.taken(invite, tagOf(answered.to));
  const end = async () => {
    placed.call.hangup();
    peer.respond(await peer.request("BYE"), 200);
    return placed.ended();
  };
  return { ...world, ...placed, placed, invite, answered, dialog, end };
}

test("hold, resume, another address: each re-INVITE is answered, and media follows (RFC 3261 14.2, RFC 3264 8)", async (t) => {
  const { peer, dialog, negotiated, end, port } = await talking(t);
  const steps = [
    { offer: sdp(40_000, { version: 2, direction: "sendonly" }), direction: "recvonly", remote: 40_000 },
    { offer: sdp(40_000, { version: 3 }), direction: "sendrecv", remote: 40_000 },
    { offer: sdp(45_000, { version: 4 }), direction: "sendrecv", remote: 45_000 },
  ];
  for (const { offer, direction, remote } of steps) {
    const reinvite = dialog.ask("INVITE", { body: offer });
    const answer = await peer.response(reinvite);
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), new RegExp(`a=${direction}`));
    assert.deepEqual([negotiated.at(-1)?.direction, negotiated.at(-1)?.remote?.port], [direction, remote]);
    peer.ack(reinvite, answer, port);
  }
  await end();
});

test("another codec is agreed on by re-INVITE", async (t) => {
  const { peer, dialog, negotiated, end, port } = await talking(t);
  const reinvite = dialog.ask("INVITE", { body: sdp(40_000, { version: 2, codec: "0 PCMU/8000" }) });
  peer.ack(reinvite, await peer.response(reinvite), port);
  assert.equal(negotiated.at(-1)?.codec, "PCMU");
  await end();
});

test("a re-INVITE without SDP gets our offer in the 200, and the ACK answers it (RFC 3261 14.2)", async (t) => {
  const { peer, dialog, negotiated, end, port } = await talking(t);
  const reinvite = dialog.ask("INVITE");
  const answer = await peer.response(reinvite);
  assert.match(answer.body.toString(), /m=audio 30000/);
  // Our offer is open: another one must wait (RFC 3311 5.2, RFC 3261 14.2).
  assert.equal((await peer.response(dialog.ask("UPDATE", { body: sdp(46_000, { version: 2 }) }))).status, 491);
  assert.equal((await peer.response(dialog.ask("UPDATE"))).status, 200);
  peer.ack(reinvite, answer, port, { body: sdp(46_000, { version: 2 }) });
  await until(() => negotiated.at(-1)?.remote?.port === 46_000);
  const next = dialog.ask("INVITE", { body: sdp(47_000, { version: 3 }) });
  peer.ack(next, await peer.response(next), port);
  assert.equal(negotiated.at(-1)?.remote?.port, 47_000);
  await end();
});

test("what a re-INVITE wants and cannot have gets 488, and the call goes on as before (RFC 3261 14.2)", async (t) => {
  const { peer, dialog, negotiated, told, end } = await talking(t);
  const reinvite = dialog.ask("INVITE", { body: sdp(40_000, { version: 2, codec: "18 G729/8000" }) });
  assert.equal((await peer.response(reinvite)).status, 488);
  assert.equal(negotiated.length, 1);
  assert.equal((await peer.response(dialog.ask("UPDATE", { body: "v=nonsense" }))).status, 400);
  assert.equal((await peer.response(dialog.ask("OPTIONS"))).status, 200);
  assert.deepEqual(told, ["answered"]);
  await end();
});

describe("what comes 64*T1 later", { concurrency: true }, () => {
  test("a re-INVITE whose 200 is never acknowledged ends the call (RFC 3261 14.2)", async (t) => {
    const { peer, dialog, ended } = await talking(t, { world: { timers: { ...QUICK, t1Ms: 50 } } });
    dialog.ask("INVITE", { body: sdp(40_000, { version: 2 }) });
    peer.respond(await peer.request("BYE"), 200);
    assert.equal((await ended()).why, "lost");
  });

  test("no answer to a request of ours counts as 408 (RFC 3261 12.2.1.2)", async (t) => {
    const { peer, media, ended } = await talking(t, { world: { timers: { ...QUICK, t1Ms: 50 } } });
    media.sendInfo?.("1", 100);
    peer.respond(await peer.request("BYE"), 200);
    assert.equal((await ended()).why, "lost");
  });
});

test("hanging up while their re-INVITE waits for its ACK", async (t) => {
  const { peer, dialog, placed, port } = await talking(t);
  const reinvite = dialog.ask("INVITE", { body: sdp(40_000, { version: 2 }) });
  const answer = await peer.response(reinvite);
  placed.call.hangup();
  peer.ack(reinvite, answer, port);
  peer.respond(await peer.request("BYE"), 200);
  assert.equal((await placed.ended()).why, "bye_sent");
});

test("UPDATE changes the session like a re-INVITE (RFC 3311 5.2)", async (t) => {
  const { peer, dialog, negotiated, end } = await talking(t);
  const answer = await peer.response(dialog.ask("UPDATE", { body: sdp(48_000, { version: 2 }) }));
  assert.equal(answer.status, 200);
  assert.match(answer.body.toString(), /m=audio/);
  assert.equal(negotiated.at(-1)?.remote?.port, 48_000);
  await end();
});

for (const method of ["INVITE", "UPDATE"]) {
  test(`the Contact of ${method} is where requests go from then on (RFC 3261 12.2.2)`, async (t) => {
    const { peer, dialog, newPeer, placed, port } = await talking(t);
    const other = await newPeer();
    const asked = dialog.ask(method, { body: sdp(40_000, { version: 2 }), contact: other.contact });
    const answer = await peer.response(asked);
    if (method === "INVITE") peer.ack(asked, answer, port);
    placed.call.hangup();
    other.respond(await other.request("BYE"), 200);
    await placed.ended();
  });
}

test("requests follow the route, to the first one, in the order of the 2xx (RFC 3261 12.1.2, 12.2.1.1)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const proxy = await world.newPeer();
  const near = `<sip:${LOOPBACK}:${proxy.port};lr>`;
  const far = "<sip:192.0.2.9;lr>";
  const placed = world.call();
  peer.respond(await peer.request("INVITE"), 200, { body: sdp(), headers: [["Record-Route", `${far}, ${near}`]] });
  const ack = await proxy.request("ACK");
  assert.deepEqual(ack.route, [address(near), address(far)]);
  assert.equal(ack.uri.kind === "sip" && ack.uri.port, peer.port);
  placed.call.hangup();
  const bye = await proxy.request("BYE");
  assert.deepEqual(bye.route, [address(near), address(far)]);
  proxy.respond(bye, 200);
  await placed.ended();
});

test("a strict router finds itself in the Request-URI (RFC 3261 12.2.1.1)", async (t) => {
  const world = await openWorld(t);
  const { peer } = world;
  const proxy = await world.newPeer();
  const strict = `<sip:${LOOPBACK}:${proxy.port}>`;
  const placed = world.call();
  peer.respond(await peer.request("INVITE"), 200, { body: sdp(), headers: [["Record-Route", `<sip:192.0.2.9;lr>, ${strict}`]] });
  const ack = await proxy.request("ACK");
  assert.deepEqual(ack.uri, address(strict).uri);
  assert.deepEqual(ack.route, [address("<sip:192.0.2.9;lr>"), peer.contact]);
  placed.call.hangup();
  proxy.respond(await proxy.request("BYE"), 200);
  await placed.ended();
});

test("a lower CSeq gets 500, a higher one with a gap is taken (RFC 3261 12.2.2)", async (t) => {
  const { peer, dialog, end } = await talking(t);
  assert.equal((await peer.response(dialog.ask("OPTIONS", { sequence: 70 }))).status, 200);
  assert.equal((await peer.response(dialog.ask("OPTIONS", { sequence: 69 }))).status, 500);
  assert.equal((await peer.response(dialog.ask("OPTIONS", { sequence: 90 }))).status, 200);
  await end();
});

test("keys come by INFO, in both bodies (RFC 6086)", async (t) => {
  const { peer, dialog, digits, end } = await talking(t);
  const info = async (type: string, body: string, more: ReadonlyArray<readonly [string, string]> = []) =>
    (await peer.response(dialog.ask("INFO", { headers: [["Content-Type", type], ...more], body }))).status;
  assert.equal(await info("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"), 200);
  assert.equal(await info("application/dtmf-relay", "Signal= *\nDuration= 160"), 200);
  assert.equal(await info("application/dtmf-relay", "Signal=11\r\n"), 200);
  assert.equal(await info("application/dtmf", "7"), 200);
  assert.equal(await info("application/dtmf", "d\r\n"), 200);
  assert.equal(await info("application/dtmf-relay", "Signal=16\r\n"), 200);
  assert.deepEqual(digits, ["5", "*", "#", "7", "D"]);
  assert.equal(await info("text/plain", "5"), 415);
  assert.equal(await info("application/dtmf", "5", [["Info-Package", "foo"]]), 469);
  assert.equal((await peer.response(dialog.ask("INFO"))).status, 200);
  assert.equal(digits.length, 5);
  await end();
});

test("keys go by INFO one after the other", async (t) => {
  const { peer, media, end } = await talking(t);
  media.sendInfo?.("1", 100);
  media.sendInfo?.("#", 160);
  const first = await peer.request("INFO");
  assert.equal(first.body.toString(), "Signal=1\r\nDuration=100\r\n");
  assert.equal(first.headers.get("Content-Type"), "application/dtmf-relay");
  peer.respond(first, 200);
  const second = await peer.request("INFO");
  assert.equal(second.body.toString(), "Signal=#\r\nDuration=160\r\n");
  peer.respond(second, 415);
  await end();
  assert.equal(media.sendInfo, undefined);
});

const within = [
  { method: "REFER", status: 603 },
  { method: "SUBSCRIBE", status: 405 },
  { method: "MESSAGE", status: 405 },
  { method: "PRACK", status: 481 },
  { method: "NOTIFY", status: 489 },
  { method: "FROBNICATE", status: 405 },
];

test("other requests within a call are refused, and it goes on (RFC 3261 8.2.1, RFC 3515 2.4.2)", async (t) => {
  const { peer, dialog, told, end } = await talking(t);
  for (const { method, status } of within) assert.equal((await peer.response(dialog.ask(method))).status, status, method);
  const required = await peer.response(dialog.ask("OPTIONS", { headers: [["Require", "foo"]] }));
  assert.deepEqual([required.status, required.headers.get("Unsupported")], [420, "foo"]);
  assert.deepEqual(told, ["answered"]);
  await end();
});

test("both sides hang up at once: each BYE is answered, and the call ends once (RFC 3261 15.1)", async (t) => {
  const { peer, dialog, placed, agent } = await talking(t);
  placed.call.hangup();
  const ours = await peer.request("BYE");
  const theirs = dialog.ask("BYE", { headers: [["Reason", "Q.850;cause=16"]] });
  assert.equal((await peer.response(theirs)).status, 200);
  const end = await placed.ended();
  assert.deepEqual([end.why, end.q850], ["bye_sent", 16]);
  peer.respond(ours, 481);
  assert.equal(agent.size, 0);
  assert.deepEqual(placed.told, ["answered", "ended bye_sent"]);
});

test("a BYE that nobody answers: the call ends all the same", async (t) => {
  const { peer, placed, agent, advance } = await talking(t);
  placed.call.hangup();
  await peer.request("BYE");
  advance(5_000);
  assert.equal((await placed.ended()).why, "bye_sent");
  assert.equal(agent.size, 0);
});

test("a request of theirs while our BYE is under way is not taken any more (RFC 5407 3.1.4)", async (t) => {
  const { peer, dialog, placed } = await talking(t);
  placed.call.hangup();
  const bye = await peer.request("BYE");
  assert.equal((await peer.response(dialog.ask("INVITE", { body: sdp(40_000, { version: 2 }) }))).status, 481);
  peer.respond(bye, 200);
  await placed.ended();
});

for (const { status, bye } of [
  { status: 481, bye: false },
  { status: 408, bye: true },
]) {
  test(`a ${status} to a request of ours: the other side has lost the call (RFC 3261 12.2.1.2, RFC 5057 5.1)`, async (t) => {
    const { peer, media, ended, agent } = await talking(t);
    media.sendInfo?.("1", 100);
    peer.respond(await peer.request("INFO"), status);
    if (bye) peer.respond(await peer.request("BYE"), 200);
    const end = await ended();
    assert.deepEqual([end.why, end.answered], ["lost", true]);
    assert.equal(agent.size, 0);
  });
}

const EXPIRES = ["Session-Expires", "1800;refresher=uac"] as const;
const HALF_MS = 900_000;

test("session timer, we refresh: by UPDATE when they allow it (RFC 4028 7.4, 10)", async (t) => {
  const answer = [EXPIRES, ["Allow", "INVITE, UPDATE"], ["Require", "timer"]] as const;
  const { peer, dialog, advance, end, told } = await talking(t, { answer });
  for (let i = 0; i < 3; i++) {
    advance(HALF_MS);
    const update = await peer.request("UPDATE");
    assert.equal(update.headers.get("Session-Expires"), "1800;refresher=uac");
    assert.equal(update.body.length, 0);
    peer.respond(update, 200, { headers: [EXPIRES] });
    await peer.response(dialog.ask("OPTIONS"));
  }
  assert.deepEqual(told, ["answered"]);
  await end();
});

for (const method of ["INVITE", "UPDATE"]) {
  test(`the Contact in the 2xx to our ${method} is where requests go from then on, its ACK too (RFC 3261 12.2.1.2)`, async (t) => {
    const { peer, dialog, advance, newPeer, placed } = await talking(t, { answer: [EXPIRES, ["Allow", method]] });
    const other = await newPeer();
    advance(HALF_MS);
    const refresh = await peer.request(method);
    const answer = () => peer.respond(refresh, 200, { body: sdp(), headers: [EXPIRES], contact: other.contact });
    answer();
    if (method === "INVITE") {
      const ack = await other.request("ACK");
      assert.deepEqual([ack.uri, ack.cseq.sequence], [other.contact.uri, refresh.cseq.sequence]);
      answer();
      await until(() => other.received.length === 2, { what: "the ACK of the 2xx that came again" });
    } else await peer.response(dialog.ask("OPTIONS"));
    placed.call.hangup();
    other.respond(await other.request("BYE"), 200);
    await placed.ended();
  });
}

test("session timer, we refresh: by re-INVITE otherwise, and an UPDATE that is not allowed after all (RFC 4028 7.4)", async (t) => {
  const { peer, advance, negotiated, end } = await talking(t, { answer: [EXPIRES, ["Allow", "UPDATE"]] });
  advance(HALF_MS);
  peer.respond(await peer.request("UPDATE"), 405);
  const reinvite = await peer.request("INVITE");
  assert.match(reinvite.body.toString(), /m=audio 30000/);
  // Nobody here would acknowledge a reliable provisional response to it (RFC 3262 3).
  assert.deepEqual(reinvite.headers.all("Supported"), ["timer"]);
  peer.respond(reinvite, 200, { body: sdp(49_000, { version: 2 }), headers: [EXPIRES] });
  const ack = await peer.request("ACK");
  assert.equal(ack.cseq.sequence, reinvite.cseq.sequence);
  await until(() => negotiated.at(-1)?.remote?.port === 49_000);
  peer.respond(reinvite, 200, { body: sdp(49_000, { version: 2 }) });
  await until(() => peer.received.filter((message) => message.kind === "request" && message.method === "ACK").length === 3);
  advance(HALF_MS);
  const next = await peer.request("INVITE");
  assert.equal(next.cseq.sequence, reinvite.cseq.sequence + 1);
  peer.respond(next, 200, { body: sdp(49_000, { version: 2 }), headers: [EXPIRES] });
  await peer.request("ACK", (request) => request.cseq.sequence === next.cseq.sequence);
  await end();
});

test("re-INVITEs that cross: each is refused with 491, and ours comes again (RFC 3261 14.1)", async (t) => {
  const { peer, dialog, advance, end } = await talking(t, { answer: [EXPIRES] });
  advance(HALF_MS);
  const ours = await peer.request("INVITE");
  assert.equal((await peer.response(dialog.ask("INVITE", { body: sdp(40_000, { version: 2 }) }))).status, 491);
  assert.equal((await peer.response(dialog.ask("UPDATE", { body: sdp(40_000, { version: 2 }) }))).status, 491);
  peer.respond(ours, 491);
  assert.equal((await peer.response(dialog.ask("UPDATE", { body: sdp(40_000, { version: 2 }) }))).status, 200);
  // The Call-ID is ours: 2.1 to 4 s.
  advance(2_099);
  assert.equal((await peer.response(dialog.ask("UPDATE", { body: sdp(40_000, { version: 3 }) }))).status, 200);
  advance(1);
  const again = await peer.request("INVITE");
  peer.respond(again, 200, { body: sdp(40_000, { version: 4 }), headers: [EXPIRES] });
  await peer.request("ACK", (request) => request.cseq.sequence === again.cseq.sequence);
  await end();
});

test("BYE while our re-INVITE is open ends the call; its late 200 is acknowledged (RFC 3261 15, 13.2.2.4)", async (t) => {
  const { peer, dialog, advance, ended } = await talking(t, { answer: [EXPIRES] });
  advance(HALF_MS);
  const reinvite = await peer.request("INVITE");
  assert.equal((await peer.response(dialog.ask("BYE"))).status, 200);
  assert.equal((await ended()).why, "bye_received");
  peer.respond(reinvite, 200, { body: sdp() });
  const ack = await peer.request("ACK");
  assert.equal(ack.cseq.sequence, reinvite.cseq.sequence);
});

test("hanging up while our re-INVITE is open sends BYE at once", async (t) => {
  const { peer, advance, placed } = await talking(t, { answer: [EXPIRES] });
  advance(HALF_MS);
  const reinvite = await peer.request("INVITE");
  placed.call.hangup();
  peer.respond(await peer.request("BYE"), 200);
  await placed.ended();
  peer.respond(reinvite, 487);
  await peer.request("ACK", (ack) => ack.cseq.sequence === reinvite.cseq.sequence);
});

test("a re-INVITE of ours that is never answered is not kept when the call is over (RFC 3261 9.1)", async (t) => {
  const { agent, peer, advance, placed } = await talking(t, { answer: [EXPIRES], world: { timers: QUICK } });
  advance(HALF_MS);
  const reinvite = await peer.request("INVITE");
  peer.respond(reinvite, 100);
  // The other side has it: it is not sent again.
  await until(() => peer.copies(reinvite) >= 1 && agent.endpoint.size.client > 0);
  placed.call.hangup();
  peer.respond(await peer.request("BYE"), 200);
  await placed.ended();
  peer.respond(await peer.request("CANCEL"), 481);
  await until(() => agent.endpoint.size.client === 0, { what: "the end of the re-INVITE's transaction" });
});

test("session timer, they refresh: with UPDATE and re-INVITE the call goes on, without it is lost (RFC 4028 10)", async (t) => {
  const { peer, dialog, advance, told, ended, port } = await talking(t, { answer: [["Session-Expires", "1800;refresher=uas"]] });
  const refresh = [["Supported", "timer"], EXPIRES] as const;
  advance(1_700_000);
  const update = await peer.response(dialog.ask("UPDATE", { headers: refresh }));
  assert.equal(update.headers.get("Session-Expires"), "1800;refresher=uac");
  assert.deepEqual(update.headers.all("Require"), ["timer"]);
  advance(1_700_000);
  const reinvite = dialog.ask("INVITE", { headers: refresh, body: sdp() });
  peer.ack(reinvite, await peer.response(reinvite), port);
  await peer.response(dialog.ask("OPTIONS"));
  // The end is called 32 s before.
  advance(1_767_999);
  assert.deepEqual(told, ["answered"]);
  advance(1);
  peer.respond(await peer.request("BYE"), 200);
  const end = await ended();
  assert.deepEqual([end.why, end.detail], ["lost", "the session timer ran out"]);
});

test("session timer, our refreshes are refused until it has run out (RFC 4028 10)", async (t) => {
  const { peer, dialog, advance, ended } = await talking(t, { answer: [EXPIRES, ["Allow", "UPDATE"]] });
  advance(HALF_MS);
  peer.respond(await peer.request("UPDATE"), 500);
  await peer.response(dialog.ask("OPTIONS"));
  advance(434_000);
  peer.respond(await peer.request("UPDATE"), 500);
  await peer.response(dialog.ask("OPTIONS"));
  advance(434_000);
  peer.respond(await peer.request("BYE"), 200);
  assert.equal((await ended()).detail, "the session timer ran out");
});

test("a refresh that is too short for a proxy is made longer (RFC 4028 7.4)", async (t) => {
  const { peer, advance, end } = await talking(t, { answer: [EXPIRES, ["Allow", "UPDATE"]] });
  advance(HALF_MS);
  peer.respond(await peer.request("UPDATE"), 422, { headers: [["Min-SE", "2400"]] });
  const again = await peer.request("UPDATE");
  assert.equal(again.headers.get("Session-Expires"), "2400;refresher=uac");
  assert.equal(again.headers.get("Min-SE"), "2400");
  peer.respond(again, 200, { headers: [["Session-Expires", "2400;refresher=uac"]] });
  await end();
});
