import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, test } from "node:test";
import { createServer } from "node:tls";
import type { MediaEngine } from "../../../src/carriers/sip/media/media.ts";
import { type LineParts, REAL_PARTS } from "../../../src/carriers/sip/trunks/line.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { removeTrunk } from "../../../src/core/trunks/removeTrunk.ts";
import { updateTrunk } from "../../../src/core/trunks/updateTrunk.ts";
import { newId } from "../../../src/platform/ids.ts";
import { freePort } from "../../sip/support/ports.ts";
import { until } from "../../support/until.ts";
import { startWorld } from "../../support/world.ts";
import { openPeer, sdp, tagOf } from "./peer.ts";
import { withAuthority } from "./transport/support/certificates.ts";
import { deadPort, FROM, healthOf, listen, newTrunk, partsWith, registerNode, somePorts, startCarrier, TO } from "./trunks/support.ts";

const world = await startWorld();
const tenant = await world.tenant();

test("two carriers call one another: ringing is skipped, both hear, and either may hang up", async (t) => {
  const called = await startCarrier(t, world);
  const calling = await startCarrier(t, world);
  const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${await called.port()}`], inboundNetworks: ["127.0.0.1/32"] });
  await addPhoneNumber(tenant.ctx, { phone: "+97239000001", trunkId: trunk.id });
  // Then it knows of the trunk.
  await healthOf(world, trunk, ({ node }) => node.id === called.nodeId);
  for (const by of ["caller", "called"]) {
    const out = calling.dial(trunk.id, { to: "+97239000001" });
    const call = await until(() => called.calls.shift());
    assert.deepEqual([call.trunkId, call.from, call.to, call.fromName], [trunk.id, FROM, "+97239000001", null]);
    const into = listen((handler) => call.accept(handler));
    const [there, here] = await Promise.all([into.media(), out.media()]);
    const loudness = (media: typeof there) =>
      new Promise<void>((resolve) => {
        const stop = media.onFrame(({ heard }) => {
          if (!heard.some((sample) => Math.abs(sample) > 5_000)) return;
          stop();
          resolve();
        });
      });
    const tone = Int16Array.from({ length: 8_000 }, (_, index) => Math.round(10_000 * Math.sin((2 * Math.PI * 440 * index) / 8_000)));
    const heardBoth = Promise.all([loudness(there), loudness(here)]);
    there.play(tone);
    here.play(tone);
    await heardBoth;
    (by === "caller" ? out : into).leg.hangup();
    const [outEnd, intoEnd] = await Promise.all([out.ended(), into.ended()]);
    assert.equal(outEnd.cause, by === "caller" ? "hangup_local" : "hangup");
    assert.equal(intoEnd.cause, by === "caller" ? "hangup" : "hangup_local");
    assert.deepEqual([outEnd.sip?.status, outEnd.quality?.codec], [200, "PCMA"]);
    assert.ok((intoEnd.quality?.packets_received ?? 0) > 0);
    assert.deepEqual(out.told.slice(0, -1), ["answered"]);
  }
});

test("many calls at once each end as they should, and leave no audio, port or leg behind", async (t) => {
  const engines: MediaEngine[] = [];
  const parts: LineParts = {
    ...REAL_PARTS,
    openMedia(options) {
      const engine = REAL_PARTS.openMedia(options);
      engines.push(engine);
      return engine;
    },
  };
  const called = await startCarrier(t, world, { parts, settings: { RTP_PORTS: somePorts(120) } });
  const calling = await startCarrier(t, world, { parts, settings: { RTP_PORTS: somePorts(120) } });
  const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${await called.port()}`], inboundNetworks: ["127.0.0.1"] });
  await healthOf(world, trunk, ({ node }) => node.id === called.nodeId);
  const fates = ["answered", "full", "unknown_number", "given up"] as const;
  const cause = { answered: "hangup", full: "busy", unknown_number: "unreachable", "given up": "canceled" };
  const calls = Array.from({ length: 48 }, (_, index) => {
    const fate = fates[index % fates.length] ?? "full";
    return { fate, to: `+9723900${1000 + index}`, out: calling.dial(trunk.id, { to: `+9723900${1000 + index}` }) };
  });
  const ends = await Promise.all(
    calls.map(async ({ fate, to, out }) => {
      const call = await until(() => called.calls.find((one) => one.to === to), { what: to });
      if (fate === "given up") {
        out.leg.hangup();
        await out.ended();
        call.reject("full");
      } else if (fate === "answered") {
        const into = listen((handler) => call.accept(handler));
        await Promise.all([out.media(), into.media()]);
        into.leg.hangup();
        assert.equal((await into.ended()).cause, "hangup_local");
      } else call.reject(fate);
      return { fate, cause: (await out.ended()).cause };
    }),
  );
  for (const end of ends) assert.equal(end.cause, cause[end.fate], end.fate);
  assert.deepEqual(
    engines.map(({ size }) => size),
    [0, 0],
  );
});

describe("an outgoing call", () => {
  test("is written as the trunk wants it, rings, is answered, and ends with its cause (RFC 3261 13, RFC 3325, RFC 3326)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], domain: "clinic.example.com", codecs: ["pcmu"] });
    const out = running.dial(trunk.id);
    const invite = await peer.request("INVITE");
    assert.deepEqual(invite.uri.kind === "sip" && [invite.uri.user, invite.uri.host, invite.uri.port, invite.uri.params.get("user")], [
      TO,
      "clinic.example.com",
      null,
      "phone",
    ]);
    assert.equal(invite.from.uri.kind === "sip" && `${invite.from.uri.user}@${invite.from.uri.host}`, `${FROM}@clinic.example.com`);
    assert.equal(invite.headers.get("P-Asserted-Identity"), `<sip:${FROM}@clinic.example.com>`);
    assert.match(invite.body.toString(), /m=audio \d+ RTP\/AVP 0 /);
    peer.respond(invite, 180);
    peer.respond(invite, 183, { body: sdp(40_000, { codec: "0 PCMU/8000" }) });
    await until(() => out.told.length > 0);
    const answer = peer.respond(invite, 200, { body: sdp(40_000, { codec: "0 PCMU/8000" }), reason: "OK" });
    await peer.request("ACK");
    await out.media();
    const bye = peer.taken(invite, tagOf(answer.to)).ask("BYE", { headers: [["Reason", "Q.850;cause=38"]] });
    assert.equal((await peer.response(bye)).status, 200);
    const end = await out.ended();
    assert.deepEqual(out.told, ["ringing", "answered", "ended lost"]);
    assert.deepEqual(end.sip, { status: 200, reason: "OK", q850: 38 });
    assert.equal(end.detail, "the network is out of order (200 OK, Q.850 38)");
    assert.equal(end.quality?.codec, "PCMU");
  });

  test("that is refused, by its status or its Q.850 cause, or after ringing, goes nowhere else", async (t) => {
    const [first, second] = [await openPeer(), await openPeer()];
    t.after(() => Promise.all([first.close(), second.close()]));
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${first.port}`, `udp:127.0.0.1:${second.port}`] });
    for (const [status, ringing, cause, q850] of [
      [486, false, "busy", null],
      [603, false, "declined", null],
      [404, false, "unreachable", null],
      [500, false, "failed", null],
      [503, true, "failed", null],
      [480, true, "no_answer", null],
      // Gateways make a 503 of much; the cause says who did it (RFC 3398 8.2.6.1).
      [503, false, "declined", 21],
      [503, false, "busy", 17],
    ] as const) {
      const out = running.dial(trunk.id);
      const invite = await first.request("INVITE");
      if (ringing) first.respond(invite, 180);
      if (ringing) await until(() => out.told.includes("ringing"));
      first.respond(invite, status, { headers: q850 === null ? [] : [["Reason", `Q.850;cause=${q850}`]] });
      const end = await out.ended();
      assert.equal(end.cause, cause, `${status} ${q850}`);
      assert.equal(end.sip?.status, status);
      assert.equal(end.quality, undefined);
    }
    assert.deepEqual(
      second.received.filter((message) => message.kind === "request" && message.method === "INVITE"),
      [],
    );
  });

  test("goes to the next gateway after a 503, which then rests as long as it asked (RFC 3261 20.33, 21.5.4)", async (t) => {
    const [first, second] = [await openPeer(), await openPeer()];
    t.after(() => Promise.all([first.close(), second.close()]));
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${first.port}`, `udp:127.0.0.1:${second.port}`] });
    const out = running.dial(trunk.id);
    // No route to the number, as a gateway says that has no carrier for it; another may.
    first.respond(await first.request("INVITE"), 503, {
      headers: [
        ["Reason", "Q.850;cause=3"],
        ["Retry-After", "0"],
      ],
    });
    second.respond(await second.request("INVITE"), 486);
    assert.equal((await out.ended()).cause, "busy");
    const again = running.dial(trunk.id);
    const full = [
      ["Retry-After", "120"],
      ["Reason", "Q.850;cause=34"],
    ] as const;
    first.respond(await first.request("INVITE"), 503, { headers: full });
    second.respond(await second.request("INVITE"), 486);
    assert.equal((await again.ended()).cause, "busy");
    const next = running.dial(trunk.id);
    second.respond(await second.request("INVITE"), 603);
    assert.equal((await next.ended()).cause, "declined");
    assert.equal(first.received.filter((message) => message.kind === "request" && message.method === "INVITE").length, 2);
  });

  describe("where somebody says nothing", { concurrency: true }, () => {
    test("goes to the next gateway when one says nothing, and fails with both reasons when none does", async (t) => {
      const silent = createSocket("udp4");
      silent.bind(0, "127.0.0.1");
      await once(silent, "listening");
      const peer = await openPeer();
      t.after(async () => {
        silent.close();
        await peer.close();
      });
      const running = await startCarrier(t, world, { timers: { firstResponseMs: 1_000 } });
      const mute = `udp:127.0.0.1:${silent.address().port}`;
      const trunk = await newTrunk(world, { gateways: [mute, `udp:127.0.0.1:${peer.port}`] });
      const out = running.dial(trunk.id);
      const invite = await peer.request("INVITE");
      peer.respond(invite, 486);
      assert.equal((await out.ended()).cause, "busy");
      assert.equal((await healthOf(world, trunk, ({ gateway, state }) => gateway === mute && state === "down")).check, "options");

      const unresolved = "udp:no-such-host.invalid:5060";
      const lost = await newTrunk(world, { gateways: [mute, unresolved] });
      const end = await running.dial(lost.id).ended();
      assert.equal(end.cause, "failed");
      assert.match(end.detail ?? "", new RegExp(`^${mute}: .*; ${unresolved}: .*no-such-host.invalid`));
    });

    test("goes from address to address of a gateway without a port, as from gateway to gateway (RFC 3263 4.2, 4.3)", async (t) => {
      const silent = createSocket("udp4").bind(0, "127.0.0.1");
      await once(silent, "listening");
      const [full, busy, spare] = [await openPeer(), await openPeer(), await openPeer()];
      t.after(async () => {
        silent.close();
        await Promise.all([full.close(), busy.close(), spare.close()]);
      });
      const ports = [silent.address().port, full.port, busy.port, spare.port];
      const resolver = {
        resolve: () => ["127.0.0.1"],
        services: async () => ports.map((port, index) => ({ name: `${index}.sip.example`, port, priority: index, weight: 0 })),
      };
      const running = await startCarrier(t, world, { timers: { firstResponseMs: 2_000 }, parts: partsWith(resolver) });
      const trunk = await newTrunk(world, { gateways: ["udp:sip.example"] });
      const out = running.dial(trunk.id);
      full.respond(await full.request("INVITE"), 503);
      const invite = await busy.request("INVITE");
      assert.deepEqual(invite.uri.kind === "sip" && [invite.uri.host, invite.uri.port], ["sip.example", null]);
      busy.respond(invite, 486);
      assert.equal((await out.ended()).cause, "busy");
      // Whoever was full, or said nothing, is not the first to be asked again.
      const next = running.dial(trunk.id);
      busy.respond(await busy.request("INVITE"), 503);
      spare.respond(await spare.request("INVITE"), 503);
      full.respond(await full.request("INVITE"), 503);
      const end = await next.ended();
      assert.equal(end.cause, "failed");
      const said = [busy, spare, full].map(({ port }) => `.*\\(503 Said So\\) \\(127.0.0.1:${port}\\)`).join(",");
      assert.match(end.detail ?? "", new RegExp(`^udp:sip.example: ${said}$`));
    });

    test("ends as the address of its gateway that spoke says, though another one is silent: the gateway is full, not down", async (t) => {
      const silent = createSocket("udp4").bind(0, "127.0.0.1");
      await once(silent, "listening");
      const full = await openPeer();
      t.after(async () => {
        silent.close();
        await full.close();
      });
      const ports = [full.port, silent.address().port];
      const resolver = {
        resolve: () => ["127.0.0.1"],
        services: async () => ports.map((port, index) => ({ name: `${index}.sip.example`, port, priority: index, weight: 0 })),
      };
      const running = await startCarrier(t, world, { timers: { lastResponseMs: 1_000 }, parts: partsWith(resolver) });
      const trunk = await newTrunk(world, { gateways: ["udp:sip.example"] });
      const out = running.dial(trunk.id);
      full.respond(await full.request("INVITE"), 503);
      const end = await out.ended();
      assert.equal(end.sip?.status, 503);
      assert.match(end.detail ?? "", /503 Said So.*no answer of any kind/);
    });
  });

  test("hung up while it rings is canceled, and so is one that is answered in that moment (RFC 3261 9.1)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`] });
    const out = running.dial(trunk.id);
    const invite = await peer.request("INVITE");
    peer.respond(invite, 180);
    await until(() => out.told.includes("ringing"));
    out.leg.hangup();
    peer.respond(await peer.request("CANCEL"), 200);
    peer.respond(invite, 487);
    assert.equal((await out.ended()).cause, "canceled");

    const crossed = running.dial(trunk.id);
    const second = await peer.request("INVITE");
    peer.respond(second, 180);
    await until(() => crossed.told.includes("ringing"));
    crossed.leg.hangup();
    peer.respond(await peer.request("CANCEL"), 200);
    peer.respond(second, 200, { body: sdp() });
    await peer.request("ACK");
    peer.respond(await peer.request("BYE"), 200);
    assert.equal((await crossed.ended()).cause, "canceled");
    assert.deepEqual(crossed.told, ["ringing", "ended canceled"]);
  });

  test("fails with words without a trunk, and without a free port", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const from = await freePort();
    const running = await startCarrier(t, world, { settings: { RTP_PORTS: { from, to: from + 1 } } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`] });
    const first = running.dial(trunk.id);
    const invite = await peer.request("INVITE");
    const refused = await running.dial(trunk.id).ended();
    assert.deepEqual([refused.cause, refused.detail], ["failed", "every RTP port of RTP_PORTS is in use"]);
    peer.respond(invite, 486);
    await first.ended();

    const unknown = await running.dial(newId()).ended();
    assert.deepEqual([unknown.cause, unknown.detail], ["failed", "the trunk of this call has been removed"]);
  });

  test("keeps the calls per second of its trunk over all nodes, and is canceled while it waits", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const [one, other] = [await startCarrier(t, world), await startCarrier(t, world)];
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], callsPerSecond: 10 });
    const began = performance.now();
    const calls = Array.from({ length: 6 }, (_, index) => (index % 2 ? one : other).dial(trunk.id));
    const times: number[] = [];
    for (const _ of calls) {
      const invite = await peer.request("INVITE");
      times.push(performance.now() - began);
      peer.respond(invite, 486);
    }
    for (const call of calls) assert.equal((await call.ended()).cause, "busy");
    // Six calls need at least five times 100 ms; a timer may be early by a millisecond.
    assert.ok((times.at(-1) ?? 0) >= 490, String(times));

    const slow = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], callsPerSecond: 0.1 });
    const first = one.dial(slow.id);
    peer.respond(await peer.request("INVITE"), 486);
    await first.ended();
    const waiting = one.dial(slow.id);
    waiting.leg.hangup();
    assert.equal((await waiting.ended()).cause, "canceled");
  });

  test("is handed over with REFER to the number at the trunk (RFC 3515)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, {
      gateways: [`udp:127.0.0.1:${peer.port}`],
      domain: "clinic.example.com",
      callerId: "international",
    });
    const out = running.dial(trunk.id);
    assert.deepEqual(await out.leg.transfer("+97231111111"), { accepted: false, detail: "the call is not answered or over" });
    const invite = await peer.request("INVITE");
    const answer = peer.respond(invite, 200, { body: sdp() });
    await peer.request("ACK");
    await out.media();
    const dialog = peer.taken(invite, tagOf(answer.to));
    const refused = out.leg.transfer("+97231111111");
    const first = await peer.request("REFER");
    assert.match(first.headers.get("Refer-To") ?? "", /^<?sip:97231111111@clinic\.example\.com/);
    peer.respond(first, 603, { reason: "Decline" });
    const no = await refused;
    assert.ok(!no.accepted && /603/.test(no.detail));
    const accepted = out.leg.transfer("+97231111111");
    peer.respond(await peer.request("REFER"), 202);
    const sipfrag = [
      ["Event", "refer"],
      ["Subscription-State", "terminated;reason=noresource"],
      ["Content-Type", "message/sipfrag"],
    ] as const;
    dialog.ask("NOTIFY", { headers: sipfrag, body: "SIP/2.0 200 OK\r\n" });
    assert.deepEqual(await accepted, { accepted: true });
    peer.respond(await peer.request("BYE"), 200);
    assert.equal((await out.ended()).cause, "transferred");
  });

  test("without any audio from the other side is lost", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world, { timers: { silentWarnMs: 40, silentEndMs: 160 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`] });
    const out = running.dial(trunk.id);
    const invite = await peer.request("INVITE");
    peer.respond(invite, 200, { body: sdp() });
    await peer.request("ACK");
    peer.respond(await peer.request("BYE"), 200);
    const end = await out.ended();
    assert.equal(end.cause, "lost");
    assert.match(end.detail ?? "", /^no audio came from the other side for \d+ s$/);
  });
});

describe("SIP", () => {
  test("is off without trunks, and a trunk turns it on where nothing else is said", async (t) => {
    const empty = await startWorld();
    const listened: unknown[] = [];
    const running = await startCarrier(t, empty, {
      settings: { SIP_LISTEN: [] },
      parts: {
        openAgent: ({ listen: where }) => {
          listened.push(where);
          return Promise.reject(
            Object.assign(new Error("bind EADDRINUSE 0.0.0.0:5060"), { code: "EADDRINUSE", address: "0.0.0.0", port: 5060 }),
          );
        },
        openMedia: () => {
          throw new Error("not without SIP");
        },
      },
    });
    assert.deepEqual(listened, []);
    const trunk = await newTrunk(empty, { gateways: ["udp:127.0.0.1:5070"] });
    const found = await healthOf(empty, trunk);
    assert.equal(found.state, "down");
    assert.equal(found.detail, "SIP is off: 0.0.0.0 port 5060 is taken by another program");
    assert.deepEqual(listened[0], [
      { protocol: "udp", address: "0.0.0.0", port: 5060 },
      { protocol: "tcp", address: "0.0.0.0", port: 5060 },
    ]);
    const end = await running.dial(trunk.id).ended();
    assert.deepEqual([end.cause, end.detail], ["failed", "SIP is off: 0.0.0.0 port 5060 is taken by another program"]);
  });

  test("goes off with the last trunk, whose registration is taken back first", async (t) => {
    const empty = await startWorld();
    const peer = await openPeer();
    t.after(() => peer.close());
    const loopback = [{ protocol: "udp" as const, address: "127.0.0.1", port: 0 }];
    const running = await startCarrier(t, empty, {
      settings: { SIP_LISTEN: [] },
      parts: { ...REAL_PARTS, openAgent: (options) => REAL_PARTS.openAgent({ ...options, listen: loopback }) },
    });
    assert.deepEqual(running.listening, []);
    const gateways = [`udp:127.0.0.1:${peer.port}`];
    const trunk = await newTrunk(empty, { gateways, username: "clinic", password: "secret", register: true });
    peer.respond(await peer.request("REGISTER"), 200, { contact: null });
    await healthOf(empty, trunk, ({ check }) => check === "registration");
    assert.equal(running.listening.length, 1);
    await removeTrunk(empty.house, trunk.id);
    const last = await peer.request("REGISTER");
    assert.equal(last.headers.get("Expires"), "0");
    peer.respond(last, 200);
    await until(() => running.listening.length === 0);
  });

  test("comes on once its port is free again", async (t) => {
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    const running = await startCarrier(t, world, {
      settings: { SIP_LISTEN: [{ protocol: "udp", address: "127.0.0.1", port }] },
      timers: { reopenMs: 10 },
    });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${await deadPort()}`] });
    const end = await running.dial(trunk.id).ended();
    assert.equal(end.detail, `SIP is off: 127.0.0.1 port ${port} is taken by another program`);
    taken.close();
    assert.equal(await running.port(), port);
  });

  test("hangs up what is left when it stops", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`] });
    const [answered, ringing] = [running.dial(trunk.id, { to: "+97230000001" }), running.dial(trunk.id, { to: "+97230000002" })];
    const to = (number: string) => (request: { uri: { kind: string; user?: string | null } }) => request.uri.user === number;
    const first = await peer.request("INVITE", to("+97230000001"));
    peer.respond(first, 200, { body: sdp() });
    await peer.request("ACK");
    await answered.media();
    const second = await peer.request("INVITE", to("+97230000002"));
    peer.respond(second, 180);
    await until(() => ringing.told.includes("ringing"));
    const closed = running.close();
    peer.respond(await peer.request("BYE"), 200);
    // The CANCEL is never answered.
    await peer.request("CANCEL");
    await closed;
    assert.equal((await answered.ended()).cause, "hangup_local");
    assert.equal((await ringing.ended()).cause, "canceled");
  });
});

describe("the health of a trunk", () => {
  test("says whose certificate is not trusted, and so does a call", async (t) => {
    const shown = withAuthority((authority) => authority.issue("IP:127.0.0.1"));
    const server = createServer({ cert: shown.cert, key: shown.key }).on("tlsClientError", () => undefined);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const bound = server.address();
    const running = await startCarrier(t, world);
    const trunk = await newTrunk(world, { gateways: [`tls:127.0.0.1:${typeof bound === "object" && bound ? bound.port : 0}`] });
    const found = await healthOf(world, trunk);
    assert.equal(found.state, "down");
    assert.match(found.detail, /^the certificate of 127\.0\.0\.1 is not trusted: /);
    const end = await running.dial(trunk.id).ended();
    assert.equal(end.cause, "failed");
    assert.match(end.detail ?? "", /^tls:127\.0\.0\.1:\d+: the certificate of 127\.0\.0\.1 is not trusted: /);
  });

  test("tells how fast a gateway answers, and what is wrong with it, once the node is registered", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const running = await startCarrier(t, world, { unregistered: true, timers: { optionsMs: 30 } });
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`] });
    peer.respond(await peer.request("OPTIONS"), 200);
    await registerNode(world, running.nodeId);
    const up = await healthOf(world, trunk);
    assert.equal(up.state, "up");
    assert.match(up.detail, /^answers in \d+ ms$/);
    let status = 500;
    let stopped = false;
    const answering = (async () => {
      while (!stopped) {
        const request = await peer.request("OPTIONS").catch(() => undefined);
        if (request) peer.respond(request, status, { reason: "Trouble" });
      }
    })();
    assert.match((await healthOf(world, trunk, ({ detail }) => detail.includes("500"))).detail, /^answers in \d+ ms \(500 Trouble\)$/);
    status = 503;
    assert.equal((await healthOf(world, trunk, ({ state }) => state === "down")).detail, "is out of service (503 Trouble)");
    await updateTrunk(world.house, trunk.id, { gateways: [`udp:127.0.0.1:${peer.port}`, "udp:no-such-host.invalid:5060"] });
    const lost = await healthOf(world, trunk, ({ gateway }) => gateway.includes("no-such-host"));
    assert.deepEqual([lost.state, lost.detail], ["down", "the host name no-such-host.invalid cannot be resolved"]);
    await updateTrunk(world.house, trunk.id, { gateways: [`udp:127.0.0.1:${peer.port}`] });
    await until(async () => {
      const { rows } = await world.house.db.pool.query(
        "select 1 from trunk_health where gateway = 'udp:no-such-host.invalid:5060' and trunk_id = $1",
        [trunk.id],
      );
      return rows.length === 0;
    });
    stopped = true;
    await answering;
  });
});
