import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { removeTrunk } from "../../src/core/trunks/removeTrunk.ts";
import { type Server, startServer, voiceOf } from "../cli/support.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { answered, callerHangsUp, invite } from "./support/caller.ts";
import { runKamailio, startKamailio } from "./support/kamailio.ts";
import { type Line, type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { answer, hangUp, pause, recvInvite, reply, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

/** Kamailio in front of us: as what spreads calls over voice nodes, and as a registrar. */
const skip = missing("kamailio", "sipp", "espeak-ng");
const line = await startLine();

describe("a dispatcher over two voice nodes, configured as the guide says", { skip }, () => {
  const guide = readFileSync(new URL("../../docs/sip.md", import.meta.url), "utf8");
  const [, written = ""] = /^```kamailio\n([\s\S]*?)^```/m.exec(guide) ?? [];

  function startNode(sipPort: number): Promise<Server> {
    const rtp = 20_000 + 2 * Math.floor(Math.random() * 10_000);
    const own = { LOG_LEVEL: "warn", SIP_LISTEN: `udp:127.0.0.1:${sipPort}`, RTP_PORTS: `${rtp}-${rtp + 199}` };
    return startServer({ ...cluster.environment, ...own, DATA_DIR: temporaryFolder() }, { args: ["--role", "voice"] });
  }

  let cluster: Line;

  /** Which process has each call that holds a lease; and what is counted of them. */
  const leases = async () =>
    (
      await cluster.world.house.db.pool.query<{ call_id: string; pid: number }>(
        "select l.call_id, n.pid from live_calls l join nodes n on n.id = l.node_id",
      )
    ).rows;
  const counted = async ({ workspace, trunk }: Subscriber) =>
    (
      await cluster.world.house.db.pool.query<{ workspace: number; trunk: number; live: number }>(
        `select (select in_use from workspace_capacity where workspace_id = $1) as workspace,
           (select in_use from trunk_capacity where trunk_id = $2) as trunk, (select count(*)::integer from live_calls) as live`,
        [workspace.id, trunk.id],
      )
    ).rows[0];

  test("both nodes get calls; one is killed under them: its leases are free within 10 s, and new calls go to the other", {
    skip: process.platform !== "linux" && "needs /proc",
  }, async () => {
    cluster = await startLine({}, { roles: ["api", "dispatcher", "jobs"] });
    const ports = [await freePort(), await freePort()];
    const nodes = await Promise.all(ports.map(startNode));
    const configuration = written
      .replace("listen=udp:192.0.2.5:5060", "listen=udp:127.0.0.1:PORT\nlisten=tcp:127.0.0.1:PORT")
      .replaceAll("192.0.2.5", "127.0.0.1")
      .replace("203.0.113.0/28", "127.0.0.0/8")
      .replaceAll("/etc/kamailio", "FOLDER");
    const kamailio = await runKamailio(configuration, { "dispatcher.list": ports.map((port) => `1 sip:127.0.0.1:${port}\n`).join("") });
    const subscriber = await cluster.subscriber({
      trunk: { gateways: [`udp:127.0.0.1:${kamailio.port}`], inboundNetworks: ["127.0.0.1/32"], maxChannels: 30 },
    });
    const CALLS = 12;
    const scenario = steps(invite(), answered(), pause(15_000), callerHangsUp());
    const caller = await startSipp({
      scenario,
      remote: `127.0.0.1:${kamailio.port}`,
      service: subscriber.number,
      calls: CALLS,
      rate: 10,
      more: ["-l", "100"],
    });
    await until(async () => (await subscriber.calls()).filter(({ status }) => status === "in_progress").length === CALLS, {
      what: "the calls",
      withinMs: 20_000,
    });
    const held = await leases();
    const [victim, survivor] = nodes;
    assert.ok(victim && survivor);
    const [dies, lives] = [voiceOf(victim.pid), voiceOf(survivor.pid)];
    assert.ok(dies && lives);
    const lost = new Set(held.filter(({ pid }) => pid === dies.pid).map((lease) => lease.call_id));
    const kept = new Set(held.filter(({ pid }) => pid === lives.pid).map((lease) => lease.call_id));
    assert.equal(lost.size + kept.size, CALLS);
    assert.ok(lost.size >= 4 && kept.size >= 4, `${lost.size} and ${kept.size}`);
    assert.deepEqual(await counted(subscriber), { workspace: CALLS, trunk: CALLS, live: CALLS });

    const killedAt = performance.now();
    // Both processes, as when the machine loses its power: one alone would be started again, or hang up.
    process.kill(dies.pid, "SIGKILL");
    await victim.stop("SIGKILL");
    // At once, before anybody can have noticed.
    const late = await startSipp({
      scenario: steps(invite({ number: "+14155550199" }), answered(), pause(500), callerHangsUp()),
      remote: `127.0.0.1:${kamailio.port}`,
      service: subscriber.number,
      calls: 10,
      rate: 5,
      more: ["-l", "100"],
    });
    const freed = await until(async () => (await leases()).every(({ call_id }) => !lost.has(call_id)) && performance.now() - killedAt, {
      what: "the leases of the node that was killed",
      withinMs: 15_000,
    });
    assert.ok(freed < 10_000, `${freed} ms`);
    for (const call of (await subscriber.calls()).filter(({ id }) => lost.has(id))) {
      assert.equal(call.status, "ended");
      assert.equal(call.outcome, "failed");
      assert.equal(call.error, "voice node lost");
      assert.equal(call.ended_by, "system");
    }
    for (const call of (await subscriber.calls()).filter(({ id }) => kept.has(id))) assert.equal(call.status, "in_progress");

    await late.succeeded();
    const all = await until(
      async () => {
        const calls = await subscriber.calls();
        return calls.length === CALLS + 10 && calls.every(({ status }) => status === "ended") && calls;
      },
      { what: "the end of every call", withinMs: 25_000 },
    );
    for (const call of all.filter(({ id }) => !lost.has(id))) {
      assert.equal(call.outcome, "completed", `${call.from_number} ${call.error}`);
      assert.equal(call.ended_by, "caller");
    }
    assert.deepEqual(await counted(subscriber), { workspace: 0, trunk: 0, live: 0 });
    caller.process.kill("SIGKILL");
  });
});

describe("a registrar that asks for a password (RFC 3261 10 and 22)", { skip, concurrency: true }, () => {
  const registrar = (phonePort: number) =>
    startKamailio({
      loads: `
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("registrar", "max_expires", 7)
`,
      routes: `
request_route {
	if (!mf_process_maxfwd_header("10")) {
		sl_send_reply("483", "Too Many Hops");
		exit;
	}
	if (is_method("CANCEL")) {
		if (t_check_trans()) t_relay();
		exit;
	}
	if (has_totag()) {
		if (loose_route()) t_relay();
		else if (!is_method("ACK")) sl_send_reply("404", "Not Here");
		else if (t_check_trans()) t_relay();
		exit;
	}
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	if (is_method("REGISTER")) {
		if (!pv_www_authenticate("provider", "s3cret", "0")) {
			www_challenge("provider", "1");
			exit;
		}
		xlog("L_ERR", "[$au registers for $hdr(Expires)]\\n");
		save("location");
		exit;
	}
	record_route();
	if ($sp == ${phonePort}) {
		$rU = "clinic";
		if (!lookup("location")) {
			sl_send_reply("480", "Nobody Is Registered");
			exit;
		}
	} else {
		if (!pv_proxy_authenticate("provider", "s3cret", "0")) {
			proxy_challenge("provider", "1");
			exit;
		}
		xlog("L_ERR", "[$au calls]\\n");
		consume_credentials();
		$du = "sip:127.0.0.1:${phonePort}";
	}
	t_relay();
}`,
    });
  const health = (subscriber: Subscriber, check: "registration" | "options") =>
    until(
      async () => {
        const { rows } = await line.world.house.db.pool.query<{ state: string; detail: string }>(
          "select state, detail from trunk_health where trunk_id = $1 and check_kind = $2",
          [subscriber.trunk.id, check],
        );
        return rows[0];
      },
      { what: `${check} of the trunk`, withinMs: 20_000 },
    );

  test("we register and stay registered, call with credentials (407), and are called where we registered", async () => {
    const phonePort = await freePort();
    const kamailio = await registrar(phonePort);
    const subscriber = await line.subscriber({
      trunk: { gateways: [`udp:127.0.0.1:${kamailio.port}`], username: "clinic", password: "s3cret", register: true },
    });
    assert.deepEqual(await health(subscriber, "registration"), { state: "up", detail: "registered as clinic for 7 s" });

    const phone = await startSipp({
      scenario: steps(recvInvite(), reply("180 Ringing"), answer(), pause(300), hangUp()),
      port: phonePort,
    });
    const out = await subscriber.ended(await subscriber.place());
    assert.equal(out.outcome, "completed", out.error ?? "");
    assert.match(kamailio.process.output(), /\[clinic calls\]/);
    await phone.succeeded();

    const caller = await startSipp({
      scenario: steps(invite(), answered(), pause(300), callerHangsUp()),
      remote: `127.0.0.1:${kamailio.port}`,
      port: phonePort,
      service: subscriber.number,
    });
    await caller.succeeded();
    const came = await until(async () =>
      (await subscriber.calls()).find(({ direction, status }) => direction === "inbound" && status === "ended"),
    );
    assert.equal(came.outcome, "completed");
    assert.equal(came.to_number, subscriber.number);

    const count = () => kamailio.process.output().split("[clinic registers for 600]").length - 1;
    await until(() => count() >= 3, { what: `two refreshes (${kamailio.process.output()})`, withinMs: 20_000 });
    assert.equal((await health(subscriber, "registration")).state, "up");
    await removeTrunk(line.world.house, subscriber.trunk.id, { takeNumbersOff: true });
    await until(() => kamailio.process.output().includes("[clinic registers for 0]"), { what: "the registration is taken back" });
  });

  test("a wrong password: the trunk and the call say so", async () => {
    const kamailio = await registrar(await freePort());
    const subscriber = await line.subscriber({
      trunk: { gateways: [`udp:127.0.0.1:${kamailio.port}`], username: "clinic", password: "guess", register: true },
    });
    const found = await health(subscriber, "registration");
    assert.equal(found.state, "down");
    assert.match(found.detail, /^the password or the user name clinic is wrong \(401 /);
    assert.equal((await health(subscriber, "options")).state, "up");
    const call = await subscriber.ended(await subscriber.place());
    assert.equal(call.outcome, "failed");
    assert.equal(call.sip_status, 407);
    assert.match(call.error ?? "", /refuses our credentials/);
    assert.doesNotMatch(kamailio.process.output(), /registers|calls/);
  });
});
