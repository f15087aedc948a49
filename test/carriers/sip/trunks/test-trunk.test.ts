import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import type { SipRequest } from "../../../../src/carriers/sip/message/message.ts";
import { writeNameAddr } from "../../../../src/carriers/sip/message/nameAddr.ts";
import type { Verdict } from "../../../../src/carriers/sip/trunks/check-words.ts";
import { testTrunk } from "../../../../src/carriers/sip/trunks/testTrunk.ts";
import { NotFound } from "../../../../src/core/errors.ts";
import { recordTrunkHealth } from "../../../../src/core/trunks/recordTrunkHealth.ts";
import { newId } from "../../../../src/platform/ids.ts";
import { createSecretBox } from "../../../../src/platform/secrets.ts";
import { startWorld } from "../../../support/world.ts";
import { openPeer, type Peer } from "../peer.ts";
import { deadPort, log, newTrunk, registerNode, somePorts } from "./support.ts";

const world = await startWorld();
const options = {
  house: world.house,
  settings: { SIP_LISTEN: [], RTP_PORTS: somePorts() },
  log,
};
const CHALLENGE = [["WWW-Authenticate", 'Digest realm="clinic", nonce="abc", algorithm=MD5, qop="auth"']] as const;
const CREDENTIALS = { username: "clinic", password: "secret", register: true, domain: "sip.example.com" };

const expiresOf = (request: SipRequest) => Number(request.headers.get("Expires"));
const contactsOf = ({ contact }: SipRequest) => (contact === "*" ? [] : contact.map(writeNameAddr));

const brief = (report: Awaited<ReturnType<typeof testTrunk>>) =>
  report.gateways.map(({ checks }) => checks.map(({ check, ok, detail }) => [check, ok, detail]));

describe("the test of a trunk", () => {
  test("registers for a minute when no server does, and takes just that back (RFC 3261 10.2.2)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const testing = testTrunk(options, trunk.name.toUpperCase());
    peer.respond(await peer.request("OPTIONS"), 200);
    peer.respond(await peer.request("REGISTER"), 401, { headers: CHALLENGE });
    const bound = await peer.request("REGISTER");
    assert.deepEqual([expiresOf(bound), contactsOf(bound).length], [60, 1]);
    peer.respond(bound, 200, { contact: null });
    const left = await peer.request("REGISTER");
    assert.equal(expiresOf(left), 0);
    assert.deepEqual([left.callId, contactsOf(left)], [bound.callId, contactsOf(bound)]);
    peer.respond(left, 200, { contact: null });
    const report = await testing;
    assert.equal(report.ok, true);
    const [[resolve, answered, registration] = []] = brief(report);
    assert.deepEqual(resolve, ["resolve", true, "is an IP address"]);
    assert.match(String(answered?.[2]), /^answers in \d+ ms$/);
    assert.deepEqual(registration, ["registration", true, "registered as clinic for 60 s"]);
  });

  test("says that a registrar refuses, and why, without advice that is for other faults", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const testing = testTrunk(options, trunk.id);
    peer.respond(await peer.request("OPTIONS"), 200);
    peer.respond(await peer.request("REGISTER"), 480);
    const [[, , registration] = []] = brief(await testing);
    assert.deepEqual(registration, ["registration", false, "registration is refused (480 Said So)"]);
  });

  describe("beside a server", () => {
    const node = newId();
    before(async () => {
      // Alive for as long as the test takes.
      await registerNode(world, node);
      await world.house.db.pool.query("update nodes set heartbeat_at = now() + interval '1 hour' where id = $1", [node]);
    });
    after(() => world.house.db.pool.query("delete from nodes where id = $1", [node]));

    /** Asks about a registration, which the gateway answers with this. What the server found of its own, if it is known. */
    async function asked(t: TestContext, respond: (peer: Peer, query: SipRequest) => void, found?: Verdict) {
      const peer = await openPeer();
      t.after(() => peer.close());
      const gateway = `udp:127.0.0.1:${peer.port}`;
      const trunk = await newTrunk(world, { gateways: [gateway], ...CREDENTIALS });
      if (found)
        await recordTrunkHealth(world.house, node, { trunkId: trunk.id, gateway, check: "registration", ...found, at: new Date() });
      const testing = testTrunk(options, trunk.id);
      peer.respond(await peer.request("OPTIONS"), 200);
      peer.respond(await peer.request("REGISTER"), 401, { headers: CHALLENGE });
      const query = await peer.request("REGISTER");
      assert.deepEqual([query.contact, query.headers.has("Expires")], [[], false]);
      respond(peer, query);
      const [[, , registration] = []] = brief(await testing);
      return registration?.slice(1);
    }
    const registered: Verdict = { state: "up", detail: "registered as clinic for 600 s" };
    const refused: Verdict = { state: "down", detail: "no answer within 16 s" };

    test("it only asks, and does not take the server's calls away (RFC 3261 10.2.3)", async (t) => {
      const found = await asked(t, (peer, query) => peer.respond(query, 200, { contact: peer.contact }));
      assert.deepEqual(found, [true, "clinic may register; 1 registered now"]);
    });

    test("a wrong password is one, whatever the server found before", async (t) => {
      const found = await asked(t, (peer, query) => peer.respond(query, 401, { headers: CHALLENGE, reason: "Unauthorized" }), registered);
      assert.equal(found?.[0], false);
      assert.match(String(found?.[1]), /^the password or the user name clinic is wrong \(401 Unauthorized\)/);
    });

    test("a registrar that does not take such a question is judged by what the server found", async (t) => {
      const refuse = (peer: Peer, query: SipRequest) => peer.respond(query, 400, { reason: "Missing Contact" });
      const asks = "as the server found; asked without registering, the gateway says 400 Missing Contact";
      assert.deepEqual(await asked(t, refuse, registered), [true, `registered as clinic for 600 s, ${asks}`]);
      const [well, words] = (await asked(t, refuse, refused)) ?? [];
      assert.equal(well, false);
      assert.ok(String(words).startsWith(`no answer within 16 s, ${asks}`), String(words));
      assert.deepEqual(await asked(t, refuse), [false, "registration is refused (400 Missing Contact)"]);
    });
  });

  test("says what is wrong with each gateway, and what would mend it", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const trunk = await newTrunk(world, {
      gateways: [`udp:127.0.0.1:${peer.port}`, "udp:no-such-host.invalid:5060", `tcp:127.0.0.1:${await deadPort()}`],
      ...CREDENTIALS,
    });
    const testing = testTrunk(options, trunk.id);
    peer.respond(await peer.request("OPTIONS"), 200);
    for (let tries = 0; tries < 2; tries++)
      peer.respond(await peer.request("REGISTER"), 401, { headers: CHALLENGE, reason: "Unauthorized" });
    const report = await testing;
    assert.equal(report.ok, false);
    const [first, second, third] = brief(report);
    assert.deepEqual(first?.[2], [
      "registration",
      false,
      "the password or the user name clinic is wrong (401 Unauthorized). Check user name, password and --domain with the provider.",
    ]);
    assert.equal(second?.length, 1);
    assert.match(String(second?.[0]?.[2]), /^the host name no-such-host\.invalid cannot be resolved\..*DNS\.$/);
    assert.match(String(third?.[1]?.[2]), /^connection refused\. Nothing listens on tcp port \d+ there/);
  });

  test("says so when nothing answers", async () => {
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${await deadPort()}`] });
    const report = await testTrunk({ ...options, timers: { optionsTimeoutMs: 400 } }, trunk.id);
    const [[, answered] = []] = brief(report);
    assert.equal(answered?.[1], false);
    assert.match(String(answered?.[2]), /Check host and port|Nothing listens/);
  });

  test("says so when the password cannot be opened", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const house = { ...world.house, secrets: createSecretBox("another master key, which opens nothing") };
    const testing = testTrunk({ ...options, house }, trunk.id);
    peer.respond(await peer.request("OPTIONS"), 200);
    const [[, , registration] = []] = brief(await testing);
    assert.match(String(registration?.[2]), /^its password was encrypted with another MASTER_KEY; give it again: leadline trunk update /);
  });

  test("needs a trunk", async () => {
    await assert.rejects(testTrunk(options, "no such trunk"), NotFound);
  });
});
