import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { answerChallenge, createDigestState, withAuthorization } from "../../../../src/carriers/sip/digest.ts";
import type { SipRequest, SipResponse } from "../../../../src/carriers/sip/message/message.ts";
import { createAdmission } from "../../../../src/carriers/sip/trunks/admitCaller.ts";
import type { IncomingInvite } from "../../../../src/carriers/sip/user-agent.ts";
import { addPhoneNumber } from "../../../../src/core/phone-numbers/addPhoneNumber.ts";
import { loadTrunks } from "../../../../src/core/trunks/loadTrunks.ts";
import { removeTrunk } from "../../../../src/core/trunks/removeTrunk.ts";
import { until } from "../../../support/until.ts";
import { startWorld } from "../../../support/world.ts";
import { address, openPeer, type Peer, sdp } from "../peer.ts";
import { makeRequest } from "../transport/support/messages.ts";
import { listen, log, newTrunk, startCarrier } from "./support.ts";

const world = await startWorld();
const tenant = await world.tenant();
const peer = await openPeer();
after(() => peer.close());

const GATEWAYS = ["udp:127.0.0.1:9"];
const OTHER = address("<sip:other@example.com>;tag=o");
type Invite = { to?: string; from?: string; headers?: ReadonlyArray<readonly [string, string]>; callId?: string; body?: string };

const invite = (port: number, { to = "+97239000001", from = "<sip:+972501234567@example.com>;tag=a", ...more }: Invite = {}): SipRequest =>
  peer.ask(port, {
    method: "INVITE",
    uri: address(`<sip:${to}@127.0.0.1:${port}>`).uri,
    from: address(from),
    to: address("<sip:somebody@example.com>"),
    body: sdp(),
    ...more,
  });

/** Tries once more, with credentials for the challenge. `arrives`: what a proxy on the way makes of the URI. */
function prove(
  by: Peer,
  port: number,
  request: SipRequest,
  challenge: SipResponse,
  credentials: { username: string; password: string },
  arrives = request.uri,
): SipRequest {
  by.ack(request, challenge, port);
  const lines = answerChallenge(challenge, request, credentials, createDigestState());
  assert.ok(lines);
  const { headers } = withAuthorization(request, lines);
  const { from, to, callId } = request;
  return by.ask(port, {
    method: "INVITE",
    uri: arrives,
    from,
    to,
    callId,
    sequence: request.cseq.sequence + 1,
    headers: [...headers.entries()],
    body: sdp(),
  });
}

describe("a call from a trunk's network", () => {
  test("comes in without credentials, is answered, and ended by the caller", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const trunk = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.0/8"] });
    t.after(() => removeTrunk(world.house, trunk.id));
    const request = await known(port, running.calls);
    const call = await until(() => running.calls.shift());
    assert.deepEqual([call.trunkId, call.from, call.to], [trunk.id, "+972501234567", "+97239000001"]);
    const told = listen((handler) => call.accept(handler));
    const answer = await peer.response(request);
    assert.equal(answer.status, 200);
    peer.ack(request, answer, port);
    await told.media();
    const bye = peer.made(request, answer).ask("BYE");
    assert.equal((await peer.response(bye)).status, 200);
    const end = await told.ended();
    assert.equal(end.cause, "hangup");
    assert.equal(end.sip?.status, 200);
    assert.deepEqual(told.told, ["answered", "ended hangup"]);
  });

  test("is refused as the engine says: 404 unknown, 486 full, 503 unavailable, 403 blocked", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const trunk = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.1"] });
    t.after(() => removeTrunk(world.house, trunk.id));
    const first = await known(port, running.calls);
    for (const [reason, status] of [
      ["unknown_number", 404],
      ["full", 486],
      ["unavailable", 503],
      ["blocked", 403],
    ] as const) {
      const request = reason === "unknown_number" ? first : invite(port);
      (await until(() => running.calls.shift())).reject(reason);
      const answer = await peer.response(request, 300);
      assert.equal(answer.status, status);
      peer.ack(request, answer, port);
    }
    const request = invite(port, { to: "reception" });
    assert.equal((await peer.response(request, 300)).status, 404);
    assert.deepEqual(running.calls, []);
  });

  test("belongs to the trunk that has the number, however the gateway writes it", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const other = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.1"] });
    const trunk = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.1"] });
    await addPhoneNumber(tenant.ctx, { phone: "+97239000042", trunkId: trunk.id });
    const first = await known(port, running.calls, "+97239000077");
    const unowned = await until(() => running.calls.shift());
    assert.deepEqual([unowned.trunkId, unowned.to], [other.id, "+97239000077"]);
    unowned.reject("unknown_number");
    await peer.response(first, 300);
    for (const to of ["+97239000042", "97239000042", "0097239000042", "039000042", "39000042"]) {
      const request = invite(port, { to });
      const call = await until(() => running.calls.shift(), { what: to });
      assert.deepEqual([call.trunkId, call.to], [trunk.id, "+97239000042"], to);
      call.reject("full");
      await peer.response(request, 300);
    }
    await world.house.db.pool.query("delete from trunk_numbers where trunk_id = $1", [trunk.id]);
    await world.house.db.pool.query("update phone_numbers set trunk_id = null where trunk_id = $1", [trunk.id]);
    await removeTrunk(world.house, trunk.id);
    await removeTrunk(world.house, other.id);
  });

  test("to the name under which the trunk is registered is for its only number (RFC 3261 16.5); with two, or another number in To, it is not", async (t) => {
    const running = await startCarrier(t, world, { timers: { registerTimeoutMs: 50 } });
    const port = await running.port();
    const { house } = world;
    const credentials = { username: "1001", password: "secret", register: true };
    const trunk = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.1"], ...credentials });
    await addPhoneNumber(tenant.ctx, { phone: "+97239000061", trunkId: trunk.id });
    const ring = (to = "<sip:1001@example.com>") =>
      peer.ask(port, {
        method: "INVITE",
        uri: address(`<sip:1001@127.0.0.1:${port}>`).uri,
        from: address("<sip:1002@example.com>;tag=a"),
        to: address(to),
        body: sdp(),
      });
    const { request, call } = await until(async () => {
      const request = ring();
      await Promise.race([peer.response(request, 300), until(() => running.calls.length > 0)]);
      const call = running.calls.shift();
      return call && { request, call };
    });
    assert.deepEqual([call.trunkId, call.to], [trunk.id, "+97239000061"]);
    call.reject("full");
    await peer.response(request, 300);
    const elsewhere = ring("<sip:+97239000069@example.com>");
    const other = await until(() => running.calls.shift());
    assert.equal(other.to, "+97239000069");
    other.reject("unknown_number");
    await peer.response(elsewhere, 300);
    await addPhoneNumber(tenant.ctx, { phone: "+97239000062", trunkId: trunk.id });
    assert.equal((await peer.response(ring(), 300)).status, 404);
    assert.deepEqual(running.calls, []);
    await house.db.pool.query("delete from trunk_numbers where trunk_id = $1", [trunk.id]);
    await house.db.pool.query("update phone_numbers set trunk_id = null where trunk_id = $1", [trunk.id]);
    await removeTrunk(house, trunk.id);
  });

  test("that was given up before it was taken ends canceled, without an answer", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const trunk = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.1"] });
    t.after(() => removeTrunk(world.house, trunk.id));
    const request = await known(port, running.calls);
    const call = await until(() => running.calls.shift());
    peer.cancel(request, port);
    assert.equal((await peer.response(request, 300)).status, 487);
    const told = listen((handler) => call.accept(handler));
    assert.equal((await told.ended()).cause, "canceled");
    assert.deepEqual(told.told, ["ended canceled"]);
  });

  test("without a codec in common is refused with 488, and told as failed (RFC 3261 13.3.1.3)", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const trunk = await newTrunk(world, { gateways: GATEWAYS, inboundNetworks: ["127.0.0.1"] });
    t.after(() => removeTrunk(world.house, trunk.id));
    const first = await known(port, running.calls);
    (await until(() => running.calls.shift())).reject("full");
    await peer.response(first, 300);
    const request = invite(port, { body: sdp(40_000, { codec: "9 G722/8000" }) });
    const call = await until(() => running.calls.shift());
    const told = listen((handler) => call.accept(handler));
    assert.equal((await peer.response(request, 300)).status, 488);
    assert.equal((await told.ended()).cause, "failed");
  });
});

/** Calls until the new trunk is known: the first INVITEs may come before the notification. */
async function known(port: number, calls: unknown[], to = "+97239000001"): Promise<SipRequest> {
  for (;;) {
    const request = invite(port, { to });
    const answered = () =>
      peer.received.some((message) => message.kind === "response" && message.callId === request.callId && message.status >= 300);
    await until(() => calls.length > 0 || answered());
    if (calls.length > 0) return request;
  }
}

describe("a call from a stranger", () => {
  test("is refused with 403 when no trunk takes credentials", async (t) => {
    const running = await startCarrier(t, world);
    const request = invite(await running.port());
    const answer = await peer.response(request, 300);
    assert.equal(answer.status, 403);
    assert.deepEqual([answer.reason, answer.body.length], ["Forbidden", 0]);
  });

  test("is not even read when it comes with hundreds of others, unless it is from a trunk's network", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const count = 400;
    const ask = () =>
      peer.ask(port, { method: "OPTIONS", uri: address("<sip:x@example.com>").uri, from: OTHER, to: address("<sip:x@example.com>") });
    const flood = () => {
      const asked = new Set(Array.from({ length: count }, () => ask().callId));
      return () => peer.received.filter((message) => message.kind === "response" && asked.has(message.callId)).length;
    };
    const answered = flood();
    await until(() => answered() >= 200);
    const trunk = await newTrunk(world, { gateways: ["udp:127.0.0.9:9"], inboundNetworks: ["127.0.0.1"] });
    t.after(() => removeTrunk(world.house, trunk.id));
    await until(() => {
      invite(port);
      return running.calls.length > 0;
    });
    assert.ok(answered() < count, `${answered()} answers`);
    const all = flood();
    await until(() => all() === count, { what: "an answer to all" });
  });

  test("is asked for credentials, which say whose it is; wrong ones are refused after some tries, then at once (RFC 3261 22)", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const trunk = await newTrunk(world, { gateways: GATEWAYS, username: "clinic", password: "secret" });
    const decoy = await newTrunk(world, { gateways: GATEWAYS, username: "clinic", password: "another" });
    t.after(async () => {
      await removeTrunk(world.house, trunk.id);
      await removeTrunk(world.house, decoy.id);
    });
    const asked = async (headers: Invite = {}) => {
      const request = invite(port, headers);
      return { request, answer: await peer.response(request, 300) };
    };
    await until(async () => (await asked()).answer.status === 401);
    const { request, answer } = await asked();
    assert.match(answer.headers.all("WWW-Authenticate").join(" "), /realm="leadline"/);
    const proven = prove(peer, port, request, answer, { username: "clinic", password: "secret" });
    const call = await until(() => running.calls.shift());
    assert.equal(call.trunkId, trunk.id);
    call.reject("full");
    assert.equal((await peer.response(proven, 300)).status, 486);

    const tries = async () => {
      const statuses: number[] = [];
      let { request: last, answer: challenge } = await asked();
      while (challenge.status === 401 && statuses.length < 10) {
        last = prove(peer, port, last, challenge, { username: "clinic", password: "guess" });
        challenge = await peer.response(last, 300);
        statuses.push(challenge.status);
      }
      return statuses;
    };
    for (let call = 0; call < 3; call++) assert.deepEqual(await tries(), [401, 401, 403]);
    assert.deepEqual(await tries(), [401, 403]);
    // Ten wrong tries: now nothing of that address is looked at.
    assert.equal((await asked()).answer.status, 403);
    assert.deepEqual(running.calls, []);
  });

  test("comes through a proxy that writes the number differently; for another number it is refused, and counts as no guess (RFC 3261 22.4, 6)", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const credentials = { username: "behind-a-proxy", password: "secret" };
    const trunk = await newTrunk(world, { gateways: GATEWAYS, ...credentials });
    t.after(() => removeTrunk(world.house, trunk.id));
    const proven = async (arrives: string) => {
      const { request, answer } = await until(async () => {
        const request = invite(port, { to: "0551234567" });
        const answer = await peer.response(request, 300);
        return answer.status === 401 && { request, answer };
      });
      return prove(peer, port, request, answer, credentials, address(`<sip:${arrives}@127.0.0.1:${port}>`).uri);
    };
    // More of them than wrong credentials are looked at.
    for (let call = 0; call < 12; call++) assert.equal((await peer.response(await proven("+19005550100"), 300)).status, 403);
    assert.deepEqual(running.calls, []);
    for (const arrives of ["+972551234567", "972551234567"]) {
      const request = await proven(arrives);
      const call = await until(() => running.calls.shift());
      assert.deepEqual([call.trunkId, call.to], [trunk.id, "+972551234567"]);
      call.reject("full");
      assert.equal((await peer.response(request, 300)).status, 486);
    }
  });

  test("proves credentials that two trunks share: the number says which of them it is", async (t) => {
    const running = await startCarrier(t, world);
    const port = await running.port();
    const shared = { username: "shared", password: "secret" };
    const trunks = [await newTrunk(world, { gateways: GATEWAYS, ...shared }), await newTrunk(world, { gateways: GATEWAYS, ...shared })];
    for (const [index, trunk] of trunks.entries()) {
      const phone = `+9723900055${index}`;
      await addPhoneNumber(tenant.ctx, { phone, trunkId: trunk.id });
      const { request, answer } = await until(async () => {
        const request = invite(port, { to: phone });
        const answer = await peer.response(request, 300);
        return answer.status === 401 && { request, answer };
      });
      prove(peer, port, request, answer, shared);
      const call = await until(() => running.calls.shift());
      assert.deepEqual([call.trunkId, call.to], [trunk.id, phone]);
      call.reject("full");
    }
  });
});

/** An INVITE as the user agent shows it, and what it was answered with. */
function shown(host: string, claimedUsername: string | null) {
  const answers: Array<number> = [];
  const invite: IncomingInvite = {
    request: makeRequest("INVITE"),
    source: { protocol: "udp", address: host, port: 5060 },
    claimedUsername,
    claimedUri: null,
    verify: () => false,
    challenge: () => void answers.push(401),
    turnAway: (status) => void answers.push(status),
    reject: (status) => void answers.push(status),
    accept: () => assert.fail("accepted"),
    onGone: () => {},
  };
  return { invite, answers };
}

const NOBODY_KNOWN = { addresses: () => [] };

describe("strangers by the thousand", () => {
  test("fill no log: over UDP anybody makes up addresses", () => {
    const lines: unknown[] = [];
    const counting = Object.assign(Object.create(log), { info: (...of: unknown[]) => lines.push(of) });
    const admit = createAdmission({ book: { all: () => [] }, board: NOBODY_KNOWN, log: counting });
    for (let id = 0; id < 1_000; id++) {
      const { invite, answers } = shown(`198.51.${id >> 8}.${id & 255}`, null);
      admit(invite);
      assert.deepEqual(answers, [403]);
    }
    assert.ok(lines.length > 0 && lines.length < 100, `${lines.length} lines`);
  });

  test("guess no more for having many IPv6 addresses: their /64 counts", async (t) => {
    const { id } = await newTrunk(world, { gateways: GATEWAYS, username: "clinic", password: "secret" });
    t.after(() => removeTrunk(world.house, id));
    const trunks = await loadTrunks(world.house);
    const admit = createAdmission({ book: { all: () => trunks }, board: NOBODY_KNOWN, log });
    const guess = (from: string) => {
      const { invite, answers } = shown(from, "clinic");
      admit(invite);
      return answers[0];
    };
    for (let id = 1; id <= 10; id++) assert.equal(guess(`2001:db8::${id}`), 401);
    assert.equal(guess("2001:db8::11"), 403);
    assert.equal(guess("2001:db8:0:1::11"), 401);
  });
});
