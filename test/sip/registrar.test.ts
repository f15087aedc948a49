import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TrunkReport } from "../../src/carriers/sip/trunks/testTrunk.ts";
import { removeTrunk } from "../../src/core/trunks/removeTrunk.ts";
import { leadline } from "../cli/warm.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { answered, callerHangsUp, invite } from "./support/caller.ts";
import { healthOf } from "./support/healthOf.ts";
import { startKamailio } from "./support/kamailio.ts";
import { type Line, type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { answer, hangUp, pause, recvInvite, reply, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";

/** A registrar that asks for a password (RFC 3261 10 and 22, RFC 8760), and so does the proxy that it is. */
const skip = missing("kamailio", "sipp", "espeak-ng");
const line = await startLine();
/** Where no server runs that would register. */
const idle = await startLine({}, { roles: ["api"] });

type Algorithm = "MD5" | "SHA-256";

const registrar = (phonePort: number, algorithm: Algorithm) =>
  startKamailio({
    loads: `
loadmodule "auth.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("registrar", "max_expires", 7)
modparam("auth", "algorithm", "${algorithm}")
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
		xlog("L_ERR", "[$au registers for $hdr(Expires), $aa]\\n");
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
		xlog("L_ERR", "[$au calls, $aa]\\n");
		consume_credentials();
		$du = "sip:127.0.0.1:${phonePort}";
	}
	t_relay();
}`,
  });

/** How `trunk test` ends, and what it found of the registration. */
async function trunkTest({ environment: env }: Line, { trunk }: Subscriber) {
  const { code, out, err } = await leadline(["trunk", "test", trunk.name, "--json"], { env });
  assert.equal(err, "");
  const report = JSON.parse(out) as TrunkReport;
  const registration = report.gateways[0]?.checks.find(({ check }) => check === "registration");
  assert.ok(registration, out);
  return { code, ...registration };
}

describe("a registrar that asks for a password", { skip, concurrency: true }, () => {
  for (const algorithm of ["MD5", "SHA-256"] as const) {
    test(`${algorithm}: we register and stay registered, call with credentials (407), and are called where we registered`, async () => {
      const phonePort = await freePort();
      const kamailio = await registrar(phonePort, algorithm);
      const subscriber = await line.subscriber({
        trunk: { gateways: [`udp:127.0.0.1:${kamailio.port}`], username: "clinic", password: "s3cret", register: true },
      });
      assert.equal((await healthOf(line, subscriber, "registration", "up")).detail, "registered as clinic for 7 s");

      const phone = await startSipp({
        scenario: steps(recvInvite(), reply("180 Ringing"), answer(), pause(300), hangUp()),
        port: phonePort,
      });
      const out = await subscriber.ended(await subscriber.place());
      assert.equal(out.outcome, "completed", out.error ?? "");
      assert.ok(kamailio.process.output().includes(`[clinic calls, ${algorithm}]`), kamailio.process.output());
      await phone.succeeded();

      const registered = (seconds: number) => kamailio.process.output().split(`[clinic registers for ${seconds}, ${algorithm}]`).length - 1;
      // So short a registration is soon over on a busy machine: the call comes right after a refresh.
      const before = registered(600);
      await until(() => registered(600) > before, { what: "a refresh", withinMs: 20_000 });
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

      await until(() => registered(600) >= 3, { what: `two refreshes (${kamailio.process.output()})`, withinMs: 20_000 });
      await healthOf(line, subscriber, "registration", "up");
      const tested = await trunkTest(line, subscriber);
      assert.deepEqual([tested.code, tested.ok], [0, true], tested.detail);

      await removeTrunk(line.world.house, subscriber.trunk.id, { takeNumbersOff: true });
      await until(() => registered(0) > 0, { what: "the registration is taken back" });
    });

    test(`${algorithm}: trunk test registers for a moment where no server does`, async () => {
      const kamailio = await registrar(await freePort(), algorithm);
      const subscriber = await idle.subscriber({
        trunk: { gateways: [`udp:127.0.0.1:${kamailio.port}`], username: "clinic", password: "s3cret", register: true },
      });
      const tested = await trunkTest(idle, subscriber);
      assert.deepEqual([tested.code, tested.ok, tested.detail], [0, true, "registered as clinic for 7 s"]);
      const seen = () =>
        [...kamailio.process.output().matchAll(/\[clinic registers for (\d+), (\S+)\]/g)].map(([, ...what]) => what.join(" "));
      await until(() => seen().includes(`0 ${algorithm}`), { what: "the registration, and that it is taken back" });
      assert.deepEqual([...new Set(seen())], [`60 ${algorithm}`, `0 ${algorithm}`]);
    });

    test(`${algorithm}, and our password is wrong: the trunk, trunk test and the call say so`, async () => {
      const kamailio = await registrar(await freePort(), algorithm);
      const subscriber = await line.subscriber({
        trunk: { gateways: [`udp:127.0.0.1:${kamailio.port}`], username: "clinic", password: "guess", register: true },
      });
      const wrong = /^the password or the user name clinic is wrong \(401 /;
      assert.match((await healthOf(line, subscriber, "registration", "down")).detail, wrong);
      await healthOf(line, subscriber, "options", "up");
      const tested = await trunkTest(line, subscriber);
      assert.deepEqual([tested.code, tested.ok], [1, false]);
      assert.match(tested.detail, wrong);
      const call = await subscriber.ended(await subscriber.place());
      assert.equal(call.outcome, "failed");
      assert.equal(call.sip_status, 407);
      assert.match(call.error ?? "", /refuses our credentials/);
      assert.doesNotMatch(kamailio.process.output(), /registers|calls/);
    });
  }
});
