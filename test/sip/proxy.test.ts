import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { withAuthority } from "../carriers/sip/transport/support/certificates.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { type Baresip, startBaresip } from "./support/baresip.ts";
import { healthOf } from "./support/healthOf.ts";
import { type KamailioOverTls, startKamailioOverTls } from "./support/kamailio.ts";
import { type Line, type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { writeWav } from "./support/sound.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

/** A proxy that stays in the path (RFC 3261 16.6), TCP or TLS to us and UDP to the phone. */
const skip = missing("kamailio", "kamailio-tls", "baresip", "sipp", "espeak-ng", "openssl");

const folder = temporaryFolder();
const silence = join(folder, "silence.wav");
writeWav(silence, new Int16Array(8_000 * 30));

const certificates = skip
  ? undefined
  : withAuthority((authority) => {
      const fileOf = (name: string, text: string): string => {
        writeFileSync(join(folder, name), text);
        return join(folder, name);
      };
      const { ca } = authority;
      const [ours, proxys] = [authority.issue("IP:127.0.0.1"), authority.issue("IP:127.0.0.1")];
      const files = {
        SIP_TLS_CA: fileOf("ca.pem", ca),
        SIP_TLS_CERT: fileOf("cert.pem", ours.cert),
        SIP_TLS_KEY: fileOf("key.pem", ours.key),
      };
      return { ca, proxys, strange: authority.selfSigned("IP:127.0.0.1"), files };
    });
const listens = { tcp: await freePort(), tls: await freePort() };
const line = await startLine({ ...certificates?.files, SIP_LISTEN: `tcp:127.0.0.1:${listens.tcp},tls:127.0.0.1:${listens.tls}` });

type Transport = keyof typeof listens;

interface Path {
  phone: Baresip;
  subscriber: Subscriber;
  kamailio: KamailioOverTls;
  /** Waits until such a request has gone through the proxy because its Route said so, from the side that uses this transport. */
  passed(method: string, from: Transport | "udp"): Promise<unknown>;
}

interface PathOptions {
  agent?: Parameters<Line["subscriber"]>[0]["agent"];
  /** PEM of whose certificates the proxy takes, ours among them. */
  trusts?: string;
}

async function path(transport: Transport, { agent = {}, trusts = certificates?.ca ?? "" }: PathOptions = {}): Promise<Path> {
  const phone = await startBaresip({ plays: silence, user: "+972501234567" });
  const kamailio = await startKamailioOverTls({
    tls: { shows: certificates?.proxys ?? { cert: "", key: "" }, trusts },
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
		if (loose_route()) {
			xlog("L_ERR", "[$rm from $proto, $cs]\\n");
			t_relay();
		} else if (is_method("ACK")) {
			if (t_check_trans()) t_relay();
		} else {
			xlog("L_ERR", "[$rm without a route]\\n");
			sl_send_reply("404", "Not Here");
		}
		exit;
	}
	if (is_method("OPTIONS")) {
		sl_send_reply("200", "OK");
		exit;
	}
	record_route();
	if ($proto == "${transport}") $du = "sip:127.0.0.1:${phone.port}";
	else $du = "sip:127.0.0.1:${listens[transport]};transport=${transport}";
	t_relay();
}`,
  });
  const port = transport === "tls" ? kamailio.tlsPort : kamailio.port;
  const subscriber = await line.subscriber({
    trunk: { gateways: [`${transport}:127.0.0.1:${port}`], inboundNetworks: ["127.0.0.1/32"] },
    agent,
  });
  const passed = (method: string, from: string) =>
    until(() => kamailio.process.output().includes(`[${method} from ${from}, `), {
      what: `${method} from ${from} (${kamailio.process.output().slice(-1_000)})`,
      withinMs: 20_000,
    });
  return { phone, subscriber, kamailio, passed };
}

const dial = ({ phone, subscriber, kamailio }: Path): void => phone.command("dial", `sip:${subscriber.number}@127.0.0.1:${kamailio.port}`);

/** Each is placed over a path of its own, and acknowledged. */
const CALLS = {
  async out(transport: Transport, options?: PathOptions) {
    const over = await path(transport, options);
    const callId = await over.subscriber.place();
    await over.phone.event("CALL_ESTABLISHED");
    await over.passed("ACK", transport);
    return { ...over, callId };
  },
  async in(transport: Transport, options?: PathOptions) {
    const over = await path(transport, options);
    // Our side learns of a new trunk a moment later: until then it is a stranger who calls, and is refused.
    await healthOf(line, over.subscriber, "options", "up");
    dial(over);
    await over.phone.event("CALL_ESTABLISHED");
    await over.passed("ACK", "udp");
    const [first] = await over.subscriber.calls();
    assert.ok(first);
    return { ...over, callId: first.id };
  },
};

for (const transport of ["tcp", "tls"] as const) {
  describe(`a proxy that stays in the path, ${transport.toUpperCase()} to us and UDP to the phone`, { skip, concurrency: true }, () => {
    for (const direction of ["out", "in"] as const) {
      test(`a call ${direction}: the phone holds and resumes, and hangs up`, async () => {
        const { phone, subscriber, kamailio, passed, callId } = await CALLS[direction](transport);
        phone.command("hold");
        await passed("INVITE", "udp");
        // One that is sent again has the number of the first.
        const acks = () => new Set(kamailio.process.output().match(/\[ACK from udp, \d+\]/g)).size;
        const before = direction === "in" ? 1 : 0;
        await until(() => acks() === before + 1, { what: "ACK for the hold" });
        phone.command("resume");
        await until(() => acks() === before + 2, { what: "ACK for the resume" });
        phone.command("hangup");
        await passed("BYE", "udp");
        const ended = await subscriber.ended(callId);
        assert.equal(ended.outcome, "completed", ended.error ?? "");
        assert.equal(ended.ended_by, "caller");
        assert.ok(!kamailio.process.output().includes("without a route"), kamailio.process.output());
      });

      test(`a call ${direction}: we hang up`, async () => {
        const agent = { max_call_duration_secs: 2 };
        const { phone, subscriber, kamailio, passed, callId } = await CALLS[direction](transport, { agent });
        await passed("BYE", transport);
        await phone.event("CALL_CLOSED");
        const ended = await subscriber.ended(callId);
        assert.equal(ended.outcome, "completed", ended.error ?? "");
        assert.equal(ended.disconnect_reason, "Max duration reached");
        assert.ok((ended.media_quality?.packets_received ?? 0) > 5, "audio goes past the proxy");
        assert.ok(!kamailio.process.output().includes("without a route"), kamailio.process.output());
      });
    }
  });
}

test("a proxy that does not trust our certificate takes no calls and sends none", { skip }, async () => {
  const over = await path("tls", { trusts: certificates?.strange.cert ?? "" });
  const { detail } = await healthOf(line, over.subscriber, "options", "down");
  assert.match(detail, /127\.0\.0\.1 does not trust our certificate \(unknown ca\)/);
  dial(over);
  const refusal = new RegExp(`certificate verify failed.*\\n.*src addr: 127\\.0\\.0\\.1:${listens.tls}\\b`);
  await until(() => refusal.test(over.kamailio.process.output()), { what: "its refusal of whom it called", withinMs: 20_000 });
  assert.deepEqual(await over.subscriber.calls(), []);
});
