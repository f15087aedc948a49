import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pino } from "pino";
import type { Call } from "../../src/core/calls/row.ts";
import type { TrunkSettings } from "../../src/core/trunks/fields.ts";
import { getTrunk } from "../../src/core/trunks/getTrunk.ts";
import type { TrunkHealth } from "../../src/core/trunks/trunk-view.ts";
import { updateTrunk } from "../../src/core/trunks/updateTrunk.ts";
import { type Issued, withAuthority } from "../carriers/sip/transport/support/certificates.ts";
import { leadline } from "../cli/warm.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { startBaresip } from "./support/baresip.ts";
import { invite, refused } from "./support/caller.ts";
import { healthOf } from "./support/healthOf.ts";
import { startKamailio, startKamailioOverTls } from "./support/kamailio.ts";
import { type Line, type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { answer, hungUp, recv, recvInvite, reply, sdp, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";
import { writeWav } from "./support/sound.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

/** What is set up wrongly is said in words: by `trunk test` or on the trunk, on the call, and in the log. */
const skip = missing("kamailio", "kamailio-tls", "baresip", "sipp", "espeak-ng", "openssl");

/** A gateway that only says that it is there. */
const ANSWERS = `
request_route {
	sl_send_reply("200", "OK");
}`;

const ASKS_FOR_PASSWORD = `
request_route {
	if (is_method("ACK")) exit;
	if (is_method("OPTIONS")) sl_send_reply("200", "OK");
	else if (is_method("REGISTER") && !pv_www_authenticate("provider", "s3cret", "0")) www_challenge("provider", "1");
	else if (is_method("INVITE") && !pv_proxy_authenticate("provider", "s3cret", "0")) proxy_challenge("provider", "1");
	else sl_send_reply("500", "That Was Right");
}`;

interface LogLine {
  level: number;
  msg: string;
  detail?: string;
  callId?: string;
  trunk?: string;
}

interface LoggedLine extends Line {
  logged: LogLine[];
}

/** A line whose log is kept. */
async function startLoggedLine(environment: Record<string, string> = {}): Promise<LoggedLine> {
  const logged: LogLine[] = [];
  const log = pino({ level: "info" }, { write: (text: string) => void logged.push(JSON.parse(text) as LogLine) });
  return { ...(await startLine(environment, { log })), logged };
}

const folder = temporaryFolder();
const fileOf = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const certificates = skip
  ? undefined
  : withAuthority((authority) => ({
      ca: fileOf("ca.pem", authority.ca),
      right: authority.issue("IP:127.0.0.1"),
      elsewhere: authority.issue("DNS:sip.example.com"),
      strange: authority.selfSigned("IP:127.0.0.1"),
    }));
const line = await startLoggedLine(certificates ? { SIP_TLS_CA: certificates.ca } : {});

const WARN = 40;

const withoutHosts = ({ source }: RegExp): RegExp =>
  new RegExp(source.replaceAll(/127\\\.0\\\.0\\\.1|no-such-host\\\.invalid|sip\\\.example\\\.com/g, "the gateway"));

/** Looks for the reason in the call, where a tenant sees it without hosts, and in the log. */
function assertTold(on: LoggedLine, call: Call, reason: RegExp, told = withoutHosts(reason)): void {
  assert.equal(call.outcome, "failed");
  assert.match(call.error ?? "", told);
  assert.doesNotMatch(call.error ?? "", /127\.0\.0\.1|\.invalid|\.example|clinic/);
  const line = on.logged.find(({ callId, level, detail }) => callId === call.id && level >= WARN && reason.test(detail ?? ""));
  assert.ok(line, `no warning about call ${call.id}: ${JSON.stringify(on.logged.filter(({ level }) => level >= WARN))}`);
}

const assertTrunkLogged = (on: LoggedLine, subscriber: Subscriber, reason: RegExp): void =>
  assert.ok(
    on.logged.some(({ trunk, level, detail }) => trunk === subscriber.trunk.id && level >= WARN && reason.test(detail ?? "")),
    `no warning about the trunk: ${JSON.stringify(on.logged.filter(({ level }) => level >= WARN))}`,
  );

/** How `trunk test` ends, and what it prints. */
const trunkTest = async ({ trunk }: Subscriber) => {
  const { code, out, err } = await leadline(["trunk", "test", trunk.name], { env: line.environment });
  assert.equal(err, "");
  return { code, out };
};

const silence = join(folder, "silence.wav");
writeWav(silence, new Int16Array(8_000 * 30));

describe("a gateway that cannot be worked with", { skip, concurrency: true }, () => {
  const wrong: Array<{
    what: string;
    trunk(): Promise<TrunkSettings>;
    check?: TrunkHealth["check"];
    /** On the trunk and in `trunk test`; on the call when that says it in other words. */
    found: RegExp;
    call?: RegExp;
    advice: RegExp;
  }> = [
    {
      what: "nothing listens on its TCP port",
      trunk: async () => ({ name: "closed", gateways: [`tcp:127.0.0.1:${await freePort()}`] }),
      found: /connection refused/,
      advice: /Nothing listens on tcp port \d+ there/,
    },
    {
      what: "nobody answers at its UDP port",
      trunk: async () => ({ name: "silent", gateways: [`udp:127.0.0.1:${await freePort()}`] }),
      found: /no answer (of any kind )?within \d+ s/,
      advice: /Check host and port, that a firewall lets udp through both ways/,
    },
    {
      what: "its name cannot be resolved",
      trunk: async () => ({ name: "misspelt", gateways: ["udp:no-such-host.invalid:5060"] }),
      found: /the host name no-such-host\.invalid cannot be resolved/,
      advice: /Check how the host name is written, and this machine's DNS/,
    },
    {
      what: "its certificate is self-signed",
      trunk: async () => ({ name: "strange", gateways: [`tls:127.0.0.1:${await overTls(certificates?.strange)}`] }),
      found: /the certificate of 127\.0\.0\.1 is not trusted: self-signed/,
      advice: /name its authority in SIP_TLS_CA/,
    },
    {
      what: "its certificate is for another name",
      trunk: async () => ({ name: "elsewhere", gateways: [`tls:127.0.0.1:${await overTls(certificates?.elsewhere)}`] }),
      found: /the certificate of 127\.0\.0\.1 is for sip\.example\.com/,
      advice: /Use the host name that the certificate is for/,
    },
    {
      what: "its TLS is too old",
      trunk: async () => ({ name: "old", gateways: [`tls:127.0.0.1:${await overTls(certificates?.right, "TLSv1")}`] }),
      found: /127\.0\.0\.1 does not speak TLS as we do: it has no version of TLS that we have/,
      advice: /switch on TLS 1\.2 or newer/,
    },
    {
      what: "its TLS port is one for TCP",
      trunk: async () => ({ name: "plain", gateways: [`tls:127.0.0.1:${(await startKamailio({ routes: ANSWERS })).port}`] }),
      found: /127\.0\.0\.1 (takes the connection but )?does not speak TLS/,
      advice: /check protocol and port/,
    },
    {
      what: "the password is wrong",
      trunk: async () => ({
        name: "password",
        gateways: [`udp:127.0.0.1:${(await startKamailio({ loads: 'loadmodule "auth.so"', routes: ASKS_FOR_PASSWORD })).port}`],
        username: "clinic",
        password: "guess",
        register: true,
      }),
      check: "registration",
      found: /the password or the user name clinic is wrong \(401 Unauthorized\)/,
      call: /the gateway refuses our credentials(: the password of user clinic is refused)? \(407 Proxy Authentication Required\)/,
      advice: /Check user name, password and --domain with the provider/,
    },
  ];
  for (const { what, trunk, check = "options", found, call: said = found, advice } of wrong) {
    test(`${what}: told on the trunk, by trunk test with what to do, on the call and in the log`, async () => {
      const subscriber = await line.subscriber({ trunk: await trunk() });
      const [shown, call, tested] = await Promise.all([
        healthOf(line, subscriber, check, "down"),
        subscriber.place().then((id) => subscriber.ended(id, 45_000)),
        trunkTest(subscriber),
      ]);
      assert.match(shown.detail, found);
      assertTrunkLogged(line, subscriber, found);
      assertTold(line, call, said);
      assert.equal(tested.code, 1);
      assert.match(tested.out, found);
      assert.match(tested.out, advice);
    });
  }

  test("with the certificate that it should have, all is well", async () => {
    const subscriber = await line.subscriber({ trunk: { gateways: [`tls:127.0.0.1:${await overTls(certificates?.right)}`] } });
    await healthOf(line, subscriber, "options", "up");
    const { code, out } = await trunkTest(subscriber);
    assert.equal(code, 0, out);
  });
});

describe("a gateway that is well, but calls are not", { skip, concurrency: true }, () => {
  /** Its last call stands on the trunk until the trunk is changed. */
  async function assertShown(subscriber: Subscriber, call: Call, reason: RegExp): Promise<void> {
    assertTold(line, call, reason);
    assert.match((await healthOf(line, subscriber, "calls", "down")).detail, reason);
    assertTrunkLogged(line, subscriber, reason);
    assert.equal((await healthOf(line, subscriber, "options", "up")).state, "up");
    assert.equal((await trunkTest(subscriber)).code, 0);
    const { out } = await leadline(["trunk", "show", subscriber.trunk.name], { env: line.environment });
    assert.match(out, new RegExp(` calls +NO .*${reason.source}`));
  }

  test("no codec in common: refused with 488", async () => {
    const phone = await startSipp({ scenario: steps(recvInvite(), reply("488 Not Acceptable Here"), recv("ACK")) });
    const subscriber = await line.subscriber({ trunk: { gateways: [`udp:127.0.0.1:${phone.port}`] } });
    const call = await subscriber.ended(await subscriber.place());
    await assertShown(subscriber, call, /no codec or encryption in common \(488 Not Acceptable Here\)/);
  });

  test("no codec in common: answered with another one", async () => {
    const phone = await startSipp({ scenario: steps(recvInvite(), answer({ offer: { codec: "G729" } }), hungUp()) });
    const subscriber = await line.subscriber({ trunk: { gateways: [`udp:127.0.0.1:${phone.port}`] } });
    const call = await subscriber.ended(await subscriber.place());
    await assertShown(subscriber, call, /codec/);
  });

  test("SRTP is required and the phone has none; changed to offered, the trunk is well at the next call", async () => {
    const phone = await startBaresip({ plays: silence, user: "+972501234567" });
    const subscriber = await line.subscriber({
      trunk: { gateways: [`udp:127.0.0.1:${phone.port}`], srtp: "require" },
      agent: { max_call_duration_secs: 1 },
    });
    const call = await subscriber.ended(await subscriber.place());
    await assertShown(subscriber, call, /no codec or encryption in common \(488 Not Acceptable Here\)/);
    await updateTrunk(line.world.house, subscriber.trunk.id, { srtp: "off" });
    await until(async () => !(await getTrunk(line.world.house, subscriber.trunk.id)).health.some(({ check }) => check === "calls"), {
      what: "the trunk is clear",
    });
    assert.equal((await subscriber.ended(await subscriber.place())).outcome, "completed");
    assert.equal((await healthOf(line, subscriber, "calls", "up")).detail, "takes calls");
  });

  test("SRTP is required, and answered without", async () => {
    const phone = await startSipp({ scenario: steps(recvInvite(), answer(), hungUp()) });
    const subscriber = await line.subscriber({ trunk: { gateways: [`udp:127.0.0.1:${phone.port}`], srtp: "require" } });
    const call = await subscriber.ended(await subscriber.place());
    await assertShown(subscriber, call, /SRTP/);
  });

  for (const { what, trunk, offer, reason } of [
    {
      what: "SRTP is required, and a call comes in without",
      trunk: { srtp: "require" },
      offer: sdp(),
      reason: /SRTP is required here, and no key is offered/,
    },
    {
      what: "no codec in common: a call comes in with another one",
      trunk: {},
      offer: sdp({ codec: "G729" }),
      reason: /none of our codecs \(PCMA, PCMU\) is offered/,
    },
  ] as const) {
    test(what, async () => {
      const gateway = await startKamailio({ routes: ANSWERS });
      const subscriber = await line.subscriber({
        trunk: { gateways: [`udp:127.0.0.1:${gateway.port}`], inboundNetworks: ["127.0.0.1/32"], ...trunk },
      });
      await healthOf(line, subscriber, "options", "up");
      const caller = await startSipp({
        scenario: steps(invite({ body: offer }), refused(488)),
        remote: `127.0.0.1:${line.sipPort}`,
        service: subscriber.number,
      });
      await caller.succeeded();
      const [call] = await until(async () => {
        const calls = await subscriber.calls();
        return calls[0]?.status === "ended" && calls;
      });
      assert.ok(call);
      assert.equal(call.sip_status, 488);
      await assertShown(subscriber, call, reason);
    });
  }
});

test("every RTP port is in use: told on the calls, in and out, on the trunk and in the log", { skip }, async () => {
  const from = (await freePort()) & ~1;
  const narrow = await startLoggedLine({ RTP_PORTS: `${from}-${from + 1}` });
  const phone = await startSipp({ scenario: steps(recvInvite(), answer(), hungUp()) });
  const subscriber = await narrow.subscriber({
    trunk: { gateways: [`udp:127.0.0.1:${phone.port}`], inboundNetworks: ["127.0.0.1/32"] },
    agent: { max_call_duration_secs: 60, silence_timeout_secs: 60 },
  });
  const first = await subscriber.place();
  await subscriber.becomes(first, "in_progress");
  const reason = /every RTP port of RTP_PORTS is in use/;
  const second = await subscriber.ended(await subscriber.place("+972501234568"));
  assertTold(narrow, second, reason);
  assert.match((await healthOf(narrow, subscriber, "calls", "down")).detail, reason);
  assertTrunkLogged(narrow, subscriber, reason);
  const caller = await startSipp({
    scenario: steps(invite(), refused(503)),
    remote: `127.0.0.1:${narrow.sipPort}`,
    service: subscriber.number,
  });
  await caller.succeeded();
  const third = await until(async () =>
    (await subscriber.calls()).find(({ direction, status }) => direction === "inbound" && status === "ended"),
  );
  assertTold(narrow, third, reason);
  assert.equal((await subscriber.becomes(first, "in_progress")).id, first);
});

test("another program has the SIP port: told on the trunk, on the call and in the log, until it is free", { skip }, async () => {
  const port = await freePort();
  const other = createSocket("udp4").bind(port, "127.0.0.1").unref();
  await once(other, "listening");
  const deaf = await startLoggedLine({ SIP_LISTEN: `udp:127.0.0.1:${port}` });
  const gateway = await startKamailio({ routes: ANSWERS });
  const subscriber = await deaf.subscriber({ trunk: { gateways: [`udp:127.0.0.1:${gateway.port}`] } });
  const reason = new RegExp(`SIP is off: 127\\.0\\.0\\.1 port ${port} is taken by another program`);
  assert.match((await healthOf(deaf, subscriber, "options", "down")).detail, reason);
  assertTrunkLogged(deaf, subscriber, reason);
  assertTold(deaf, await subscriber.ended(await subscriber.place()), reason, /the telephone line is out of order/);
  assert.ok(deaf.logged.some(({ level, msg }) => level > WARN && reason.test(msg)));
  other.close();
  assert.match((await healthOf(deaf, subscriber, "options", "up")).detail, /^answers in/);
});

/** A port at which Kamailio speaks TLS with this certificate. */
async function overTls(shows: Issued = { cert: "", key: "" }, method?: string): Promise<number> {
  return (await startKamailioOverTls({ routes: ANSWERS, tls: { shows, ...(method ? { method } : {}) } })).tlsPort;
}
