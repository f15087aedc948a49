import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { EndpointHandler } from "../../../../src/carriers/sip/endpoint.ts";
import type { SipRequest } from "../../../../src/carriers/sip/message/message.ts";
import { writeUri } from "../../../../src/carriers/sip/message/uri.ts";
import { openEndpoint } from "../../../../src/carriers/sip/openEndpoint.ts";
import { removeTrunk } from "../../../../src/core/trunks/removeTrunk.ts";
import type { Trunk } from "../../../../src/core/trunks/trunk.ts";
import { updateTrunk } from "../../../../src/core/trunks/updateTrunk.ts";
import { temporaryFolder } from "../../../sip/support/temporary-folder.ts";
import { until } from "../../../support/until.ts";
import { startWorld } from "../../../support/world.ts";
import { address, openPeer, type Peer, sdp } from "../peer.ts";
import { withAuthority } from "../transport/support/certificates.ts";
import { deadPort, healthOf, listen, log, newTrunk, partsWith, startCarrier } from "./support.ts";

const world = await startWorld();

const CHALLENGE = [["WWW-Authenticate", 'Digest realm="clinic", nonce="abc", algorithm=MD5, qop="auth"']] as const;
const CREDENTIALS = { username: "clinic", password: "secret", register: true, domain: "sip.example.com" };

const expires = (request: SipRequest) => Number(request.headers.get("Expires"));
const contactOf = (request: SipRequest) => (request.contact === "*" ? undefined : request.contact[0]);

/** Takes a REGISTER, asks for credentials, and takes the next. */
async function challenged(peer: Peer): Promise<SipRequest> {
  const first = await peer.request("REGISTER");
  peer.respond(first, 401, { headers: CHALLENGE });
  const second = await peer.request("REGISTER");
  assert.equal(second.callId, first.callId);
  assert.equal(second.cseq.sequence, first.cseq.sequence + 1);
  assert.match(second.headers.get("Authorization") ?? "", /username="clinic", realm="clinic"/);
  return second;
}

describe("a trunk that registers", () => {
  test("does so with its credentials, does it again before that runs out, and takes it back at the end (RFC 3261 10.2)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world, { timers: { registerLeastMs: 5 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const request = await challenged(peer);
    assert.deepEqual(request.uri.kind === "sip" && [request.uri.user, request.uri.host], [null, "sip.example.com"]);
    assert.deepEqual(request.to.uri.kind === "sip" && [request.to.uri.user, request.to.uri.host], ["clinic", "sip.example.com"]);
    assert.equal(expires(request), 600);
    const contact = contactOf(request);
    assert.deepEqual(contact?.uri.kind === "sip" && [contact.uri.user, contact.uri.host, contact.uri.port], [
      "clinic",
      "127.0.0.1",
      await running.port(),
    ]);
    // Granted for a second, so that the next one is not far.
    peer.respond(request, 200, { contact: address(`<sip:clinic@127.0.0.1:${await running.port()}>;expires=1`) });
    const found = await healthOf(world, trunk, ({ check, state }) => check === "registration" && state === "up");
    assert.equal(found.detail, "registered as clinic for 1 s");
    const again = await peer.request("REGISTER");
    assert.equal(again.callId, request.callId);
    assert.ok(again.cseq.sequence > request.cseq.sequence);
    peer.respond(again, 200, { contact: address(`<sip:clinic@127.0.0.1:${await running.port()}>;expires=600`) });
    await healthOf(world, trunk, ({ detail }) => detail === "registered as clinic for 600 s");
    const closed = running.close();
    const last = await peer.request("REGISTER");
    assert.equal(expires(last), 0);
    assert.equal(last.callId, request.callId);
    peer.respond(last, 200);
    await closed;
  });

  test("finds its gateway's next address, and takes calls from each of them (RFC 3263 4.3)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    // Nobody is at the first one, and whoever calls in does so from the other.
    const services = async () => [
      { name: "127.0.0.9", port: peer.port, priority: 1, weight: 0 },
      { name: "127.0.0.1", port: peer.port, priority: 2, weight: 0 },
    ];
    const parts = partsWith({ resolve: (host) => [host], services }, { t1Ms: 50 });
    const running = await startCarrier(t, world, { parts });
    const trunk = await newTrunk(world, { gateways: ["udp:sip.example"], ...CREDENTIALS });
    peer.respond(await peer.request("OPTIONS"), 200);
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    for (const check of ["options", "registration"]) await healthOf(world, trunk, (found) => found.check === check && found.state === "up");
    const port = await running.port();
    peer.ask(port, {
      method: "INVITE",
      uri: address(`<sip:+97239000001@127.0.0.1:${port}>`).uri,
      from: address("<sip:+972501234567@example.com>;tag=a"),
      to: address("<sip:+97239000001@example.com>"),
      body: sdp(),
    });
    (await until(() => running.calls.shift(), { what: "a call without credentials" })).reject("unknown_number");
    const closed = running.close();
    peer.respond(await peer.request("REGISTER"), 200);
    await closed;
  });

  test("gives its credentials to its gateway within a call that came in, too", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    peer.respond(await challenged(peer), 200, { contact: null });
    await healthOf(world, trunk, ({ check, state }) => check === "registration" && state === "up");
    const port = await running.port();
    const request = peer.ask(port, {
      method: "INVITE",
      uri: address(`<sip:+97239000001@127.0.0.1:${port}>`).uri,
      from: address("<sip:+972501234567@example.com>;tag=a"),
      to: address("<sip:+97239000001@example.com>"),
      body: sdp(),
    });
    const call = await until(() => running.calls.shift(), { what: "the call" });
    const told = listen((handler) => call.accept(handler));
    peer.ack(request, await peer.response(request), port);
    await told.media();
    told.leg.hangup();
    peer.respond(await peer.request("BYE"), 401, { headers: CHALLENGE });
    const again = await peer.request("BYE");
    assert.match(again.headers.get("Authorization") ?? "", /username="clinic", realm="clinic"/);
    peer.respond(again, 200);
    assert.equal((await told.ended()).cause, "hangup_local");
    await removeTrunk(world.house, trunk.id);
  });

  test("comes again in the time it asked for when the registrar grants a longer one (RFC 3261 10.3), and in the shortest of its name when none is its own", async (t) => {
    const running = await startCarrier(t, world);
    const port = String(await running.port());
    for (const { granted, seconds } of [
      // More than a timer can hold.
      { granted: ["<sip:clinic@192.0.2.1:5060>;expires=3600000"], seconds: 600 },
      { granted: [500, 300, 400].map((expires) => `<sip:clinic@192.0.2.${expires % 7}>;expires=${expires}`), seconds: 300 },
      { granted: ["<sip:clinic@192.0.2.1>;expires=200, <sip:clinic@127.0.0.1:PORT>;expires=250"], seconds: 250 },
    ]) {
      const peer = await openPeer();
      t.after(() => peer.close());
      const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
      const headers = granted.map((contact) => ["Contact", contact.replace("PORT", port)] as const);
      peer.respond(await peer.request("REGISTER"), 200, { contact: null, headers });
      const found = await healthOf(world, trunk, ({ check, state }) => check === "registration" && state === "up");
      assert.equal(found.detail, `registered as clinic for ${seconds} s`);
      await removeTrunk(world.house, trunk.id);
    }
  });

  test("asks for longer when the registrar wants that (RFC 3261 10.2.8)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const brief = await peer.request("REGISTER");
    peer.respond(brief, 423, { headers: [["Min-Expires", "1800"]] });
    const longer = await peer.request("REGISTER");
    assert.equal(expires(longer), 1800);
    peer.respond(longer, 200, { contact: null });
    const found = await healthOf(world, trunk, ({ check }) => check === "registration");
    assert.equal(found.detail, "registered as clinic for 1800 s");
    await removeTrunk(world.house, trunk.id);
    assert.equal(expires(await peer.request("REGISTER")), 0);
  });

  /** Copies of one are one. */
  const registers = ({ received }: Peer) =>
    new Set(received.flatMap(({ cseq }) => (cseq.method === "REGISTER" ? [cseq.sequence] : []))).size;
  const registered = (trunk: Trunk, detail: string) =>
    healthOf(world, trunk, (found) => found.check === "registration" && found.detail === detail);
  const REGISTERED = "registered as clinic for 600 s";

  test("does so again when its gateway was away and is back, as that may have forgotten it; meanwhile nobody is sure", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    await startCarrier(t, world, { timers: { optionsMs: 5 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const options = async (status: number) => peer.respond(await peer.request("OPTIONS"), status);
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    await registered(trunk, REGISTERED);
    for (let times = 0; times < 4; times++) await options(200);
    assert.equal(registers(peer), 1);

    await options(503);
    const doubtful = await registered(trunk, `not sure while the gateway is away: ${REGISTERED}`);
    assert.equal(doubtful.state, "down");
    peer.respond(await peer.request("REGISTER"), 503);
    assert.equal((await registered(trunk, "registration is refused (503 Said So)")).state, "down");
    for (let times = 0; times < 4; times++) await options(503);
    assert.equal(registers(peer), 2);

    await options(200);
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    assert.equal((await registered(trunk, REGISTERED)).state, "up");
    for (let times = 0; times < 4; times++) await options(200);
    assert.equal(registers(peer), 3);
  });

  test("is registered at a gateway that takes a REGISTER, and no OPTIONS", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    await startCarrier(t, world, { timers: { optionsMs: 5 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    await registered(trunk, REGISTERED);
    peer.respond(await peer.request("OPTIONS"), 503);
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    await registered(trunk, REGISTERED);
    for (let times = 0; times < 4; times++) peer.respond(await peer.request("OPTIONS"), 503);
    assert.equal((await registered(trunk, REGISTERED)).state, "up");
    assert.equal(registers(peer), 2);
  });

  test("over TLS, where nobody can connect to us, does so again on each new connection: the gateway calls on it", async (t) => {
    const registered: string[] = [];
    const handler: EndpointHandler = {
      request: (transaction) => {
        const { method } = transaction.request;
        const contact = contactOf(transaction.request);
        if (method === "REGISTER" && contact) registered.push(writeUri(contact.uri));
        transaction.respond({ status: 200 });
      },
      ack: () => {},
    };
    // It closes each connection before the next OPTIONS.
    const limits = { idleMs: 1_000 };
    const pems = withAuthority(({ ca, issue }) => ({ ca, ...issue("IP:127.0.0.1") }));
    const gateway = await openEndpoint({ listen: [{ protocol: "tls", address: "127.0.0.1", port: 0 }], tls: pems, limits, log }, handler);
    t.after(() => gateway.close());
    const authority = join(temporaryFolder(), "ca.pem");
    writeFileSync(authority, pems.ca);
    await startCarrier(t, world, { settings: { SIP_TLS_CA: authority }, timers: { optionsMs: 2_000 } });
    const trunk = await newTrunk(world, { gateways: [`tls:127.0.0.1:${gateway.listening[0]?.port}`], ...CREDENTIALS });
    t.after(() => removeTrunk(world.house, trunk.id));
    await until(() => new Set(registered).size > 2, { what: "three connections", withinMs: 20_000 });
    for (const contact of registered) assert.match(contact, /^sip:clinic@127\.0\.0\.1:\d+;transport=tls$/);
  });

  test("does so again when a call found its gateway away, and the next one found it back", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world, { timers: { lastResponseMs: 300 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    for (const method of ["OPTIONS", "REGISTER"]) peer.respond(await peer.request(method), 200, { contact: null });
    await registered(trunk, REGISTERED);
    const unanswered = running.dial(trunk.id);
    await peer.request("INVITE");
    assert.equal((await unanswered.ended()).cause, "failed");
    peer.respond(await peer.request("REGISTER"), 503);
    await registered(trunk, "registration is refused (503 Said So)");
    let cause = "";
    // Again when this machine was too slow for an answer in time.
    while (cause !== "busy") {
      const call = running.dial(trunk.id);
      peer.respond(await peer.request("INVITE"), 486);
      cause = (await call.ended()).cause;
    }
    peer.respond(await peer.request("OPTIONS"), 200);
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    await registered(trunk, REGISTERED);
  });

  test("says that its password is wrong, tries again, and at once with another password", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    await startCarrier(t, world, { timers: { registerRetryMs: 10, registerRetryMostMs: 40 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    for (let attempt = 0; attempt < 3; attempt++) peer.respond(await challenged(peer), 401, { headers: CHALLENGE, reason: "Unauthorized" });
    const found = await healthOf(world, trunk, ({ check }) => check === "registration");
    assert.equal(found.state, "down");
    assert.equal(found.detail, "the password or the user name clinic is wrong (401 Unauthorized)");
    await updateTrunk(world.house, trunk.id, { password: "the right one" });
    let answering = true;
    const registrar = (async () => {
      while (answering) {
        const request = await peer.request("REGISTER");
        if (request.headers.has("Authorization")) peer.respond(request, 200, { contact: null });
        else peer.respond(request, 401, { headers: CHALLENGE });
      }
    })().catch(() => undefined);
    await healthOf(world, trunk, ({ check, state }) => check === "registration" && state === "up");
    answering = false;
    await removeTrunk(world.house, trunk.id);
    await registrar;
  });

  test("with a new password registers anew without taking the old binding back, and with a new name takes it back", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const first = await peer.request("REGISTER");
    peer.respond(first, 200, { contact: null });
    await healthOf(world, trunk, ({ check }) => check === "registration");
    await updateTrunk(world.house, trunk.id, { password: "another" });
    const second = await peer.request("REGISTER");
    assert.deepEqual([second.callId === first.callId, expires(second)], [false, 600]);
    peer.respond(second, 200, { contact: null });
    await updateTrunk(world.house, trunk.id, { username: "clinic3" });
    const [third, fourth] = [await peer.request("REGISTER"), await peer.request("REGISTER")];
    const left = [third, fourth].find((request) => expires(request) === 0);
    assert.deepEqual([left?.callId, left?.to.uri.kind === "sip" && left.to.uri.user], [second.callId, "clinic"]);
    await removeTrunk(world.house, trunk.id);
  });

  test("says that its gateway is not there", async (t) => {
    await startCarrier(t, world, { timers: { registerTimeoutMs: 50, optionsTimeoutMs: 50 } });
    const trunk = await newTrunk(world, { gateways: [`tcp:127.0.0.1:${await deadPort()}`], ...CREDENTIALS });
    const found = await healthOf(world, trunk, ({ check }) => check === "registration");
    assert.deepEqual([found.state, found.detail], ["down", "connection refused"]);
  });

  test("is called by its gateway without credentials, at its name, with the number in To or P-Called-Party-ID (RFC 7315 4.2)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS, username: "clinic2" });
    peer.respond(await peer.request("REGISTER", ({ to }) => to.uri.kind === "sip" && to.uri.user === "clinic2"), 200, { contact: null });
    await healthOf(world, trunk, ({ check }) => check === "registration");
    const port = await running.port();
    for (const [to, headers] of [
      ["<sip:+97239000099@sip.example.com>", []],
      ["<sip:clinic2@sip.example.com>", [["P-Called-Party-ID", "<sip:+97239000099@sip.example.com>"]]],
    ] as const) {
      peer.ask(port, {
        method: "INVITE",
        uri: address(`<sip:clinic2@127.0.0.1:${port}>`).uri,
        from: address("<sip:+972501111111@sip.example.com>;tag=a"),
        to: address(to),
        headers: [...headers],
      });
      const call = await until(() => running.calls.shift());
      assert.deepEqual([call.trunkId, call.to], [trunk.id, "+97239000099"]);
      call.reject("unavailable");
    }
  });
});
