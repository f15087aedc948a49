import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { testTrunk } from "../../../../src/carriers/sip/trunks/testTrunk.ts";
import { NotFound } from "../../../../src/core/errors.ts";
import { createSecretBox } from "../../../../src/platform/secrets.ts";
import { startWorld } from "../../../support/world.ts";
import { openPeer } from "../peer.ts";
import { deadPort, log, newTrunk, somePorts } from "./support.ts";

const world = await startWorld();
const options = {
  house: world.house,
  settings: { SIP_LISTEN: [], RTP_PORTS: somePorts() },
  log,
  timers: { optionsTimeoutMs: 400, registerTimeoutMs: 400 },
};
const CHALLENGE = [["WWW-Authenticate", 'Digest realm="clinic", nonce="abc", algorithm=MD5, qop="auth"']] as const;
const CREDENTIALS = { username: "clinic", password: "secret", register: true, domain: "sip.example.com" };

const brief = (report: Awaited<ReturnType<typeof testTrunk>>) =>
  report.gateways.map(({ checks }) => checks.map(({ check, ok, detail }) => [check, ok, detail]));

describe("the test of a trunk", () => {
  test("finds that all is well, without a binding of its own (RFC 3261 10.2.3)", async (t) => {
    const peer = await openPeer();
    t.after(() => peer.close());
    const trunk = await newTrunk(world, { gateways: [`udp:127.0.0.1:${peer.port}`], ...CREDENTIALS });
    const testing = testTrunk(options, trunk.name.toUpperCase());
    peer.respond(await peer.request("OPTIONS"), 200);
    peer.respond(await peer.request("REGISTER"), 401, { headers: CHALLENGE });
    const query = await peer.request("REGISTER");
    assert.deepEqual(query.contact, []);
    assert.equal(query.headers.has("Expires"), false);
    peer.respond(query, 200, { contact: null });
    const report = await testing;
    assert.equal(report.ok, true);
    const [[resolve, answered, registration] = []] = brief(report);
    assert.deepEqual(resolve, ["resolve", true, "is an IP address"]);
    assert.match(String(answered?.[2]), /^answers in \d+ ms$/);
    assert.deepEqual(registration, ["registration", true, "clinic may register; nobody is now"]);
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
    const report = await testTrunk(options, trunk.id);
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
    assert.match(String(registration?.[2]), /^its password was encrypted with another MASTER_KEY/);
  });

  test("needs a trunk", async () => {
    await assert.rejects(testTrunk(options, "no such trunk"), NotFound);
  });
});
