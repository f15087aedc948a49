import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { AgentChanges } from "../../src/core/agents/settings.ts";
import type { TrunkSettings } from "../../src/core/trunks/fields.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { companding, type Law } from "./support/companding.ts";
import { type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { recordingOf } from "./support/recording-of.ts";
import { type HeardPacket, isTone, openRtpPeer, tone } from "./support/rtp-peer.ts";
import {
  answer,
  hangUp,
  hungUp,
  pause,
  recv,
  recvInvite,
  recvStatus,
  reply,
  replyInDialog,
  replyToInvite,
  request,
  sdp,
  steps,
} from "./support/scenario.ts";
import { type Sipp, type SippOptions, startSipp } from "./support/sipp.ts";
import { spoken } from "./support/spoken.ts";
import { watchStalls } from "./support/watch-stalls.ts";

/** Calls that Leadline places, against telephones that sipp plays. Each has a trunk and a number of its own, so all run at once. */
const skip = missing("sipp", "espeak-ng");
const line = await startLine();
const GREETING = "Hello Dana, this is the clinic.";
const greeting = skip ? new Int16Array() : await spoken(GREETING);

interface Called {
  subscriber: Subscriber;
  call: Awaited<ReturnType<Subscriber["ended"]>>;
}

interface CallOptions extends Partial<SippOptions> {
  trunk?: Partial<TrunkSettings>;
  agent?: Partial<AgentChanges>;
  meanwhile?(phone: Sipp): Promise<void>;
}

/** Places one call to a telephone that does as the scenario says, and waits for the end on both sides. */
async function callTo(scenario: string, { trunk = {}, agent = {}, meanwhile, ...sippOptions }: CallOptions = {}): Promise<Called> {
  const phone = await startSipp({ scenario, ...sippOptions });
  const gateway = `${sippOptions.transport ?? "udp"}:127.0.0.1:${phone.port}`;
  const subscriber = await line.subscriber({ trunk: { gateways: [gateway], ...trunk }, agent });
  const id = await subscriber.place();
  await meanwhile?.(phone);
  const call = await subscriber.ended(id, 60_000);
  await phone.succeeded();
  return { subscriber, call };
}

/** Tells the phone to go on with its call from `recv("GO")`. */
const goOn = (phone: Sipp): void => phone.go(/^INVITE [\s\S]*?^Call-ID: (\S+)/m.exec(phone.messages())?.[1] ?? "");

const ringing = (): string => reply("180 Ringing");
/** sipp plays a gateway that is asked for its health too, whenever that is. */
const refusal = (status: string, options: Parameters<typeof reply>[1] = {}): string =>
  steps(recvInvite(), reply(status, options), recv("ACK"));

describe("calls to a telephone", { skip, concurrency: true }, () => {
  for (const transport of ["udp", "tcp"] as const) {
    test(`rings, is answered, hears us and hangs up, over ${transport}`, async () => {
      const audio = await openRtpPeer();
      line.world.defer(async () => audio.close());
      const scenario = steps(
        recvInvite(),
        reply("100 Trying", { tag: "", contact: false }),
        ringing(),
        pause(300),
        answer({ offer: { port: String(audio.port) } }),
        // sipp can be told to go on over UDP only.
        transport === "udp" ? recv("GO") : pause(500),
        hangUp(),
      );
      const meanwhile = async (phone: Sipp) => {
        if (transport === "tcp") return;
        await until(() => audio.heard.length >= 50, { what: "50 packets", withinMs: 20_000 });
        goOn(phone);
      };
      const { call } = await callTo(scenario, { transport, meanwhile });
      assert.equal(call.outcome, "completed");
      assert.equal(call.ended_by, "caller");
      assert.equal(call.sip_status, 200);
      assert.ok(call.rang_at && call.answered_at && call.ended_at);
      assert.ok(
        call.started_at && call.started_at <= call.rang_at && call.rang_at <= call.answered_at && call.answered_at <= call.ended_at,
      );
      const quality = call.media_quality;
      assert.equal(quality?.codec, "PCMA");
      await until(() => audio.heard.length === quality?.packets_sent, { what: `${quality?.packets_sent} packets` });
      assert.deepEqual(
        audio.heard.filter(({ payloadType }) => payloadType !== 8),
        [],
      );
    });
  }

  test("the agent ends the call at its time limit", async () => {
    const { call } = await callTo(steps(recvInvite(), ringing(), answer(), hungUp()), { agent: { max_call_duration_secs: 2 } });
    assert.equal(call.outcome, "completed");
    assert.equal(call.ended_by, "system");
    assert.equal(call.disconnect_reason, "Max duration reached");
  });

  for (const { status, header, reAuth } of [
    { status: "401 Unauthorized", header: "WWW-Authenticate", reAuth: "Authorization" },
    { status: "407 Proxy Authentication Required", header: "Proxy-Authenticate", reAuth: "Proxy-Authorization" },
  ]) {
    test(`${status}: credentials are given (RFC 3261 22)`, async () => {
      const challenge = `${header}: Digest realm="gateway", nonce="c0ffee", algorithm=MD5, qop="auth"`;
      const scenario = steps(
        recvInvite(),
        reply(status, { headers: [challenge] }),
        recv("ACK"),
        `<recv request="INVITE" rrs="true"><action>
          <ereg regexp="Digest.*username=.clinic.*response=.[0-9a-f]{32}" search_in="hdr" header="${reAuth}:" check_it="true" assign_to="proof"/>
          <ereg regexp="&lt;(sip[^&gt;]*)&gt;" search_in="hdr" header="Contact:" check_it="true" assign_to="contact_all,contact"/>
          <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
          <ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="to"/>
        </action></recv><Reference variables="proof"/>`,
        ringing(),
        answer(),
        hangUp(),
      );
      const { call } = await callTo(scenario, { trunk: { username: "clinic", password: "s3cret" } });
      assert.equal(call.outcome, "completed");
    });
  }

  test("a password that is refused is named as the reason", async () => {
    const challenge = (nonce: string) => `WWW-Authenticate: Digest realm="gateway", nonce="${nonce}", algorithm=MD5, qop="auth"`;
    const scenario = steps(
      refusal("401 Unauthorized", { headers: [challenge("a")] }),
      refusal("401 Unauthorized", { headers: [challenge("b")] }),
    );
    const { call } = await callTo(scenario, { trunk: { username: "clinic", password: "wrong" } });
    assert.equal(call.outcome, "failed");
    assert.equal(call.sip_status, 401);
    assert.match(call.error ?? "", /password|credentials/);
  });

  for (const [law, payloadType] of [
    ["PCMA", 8],
    ["PCMU", 0],
  ] as const) {
    test(`the greeting goes out once, sample by sample, in ${law} packets that follow one another (RFC 3550 5.1)`, async () => {
      const audio = await openRtpPeer();
      line.world.defer(async () => audio.close());
      const stalls = watchStalls();
      const scenario = steps(recvInvite(), answer({ offer: { codec: law, port: String(audio.port) } }), recv("GO"), hangUp());
      const meanwhile = async (phone: Sipp) => {
        await until(() => audio.heard.length * 160 > greeting.length + 16_000, { what: "the greeting", withinMs: 30_000 });
        goOn(phone);
      };
      const { call } = await callTo(scenario, { agent: { greeting_message: GREETING }, meanwhile });
      assert.equal(call.outcome, "completed");
      assertFollowing(audio.heard, payloadType, stalls());
      assertSaid(greeting, audio.heard, law);
    });
  }

  test("183 with audio: it is heard and answered with silence from then on, the greeting and the recording begin with the 200", async () => {
    const audio = await openRtpPeer();
    line.world.defer(async () => audio.close());
    const offer = { port: String(audio.port) };
    const early = reply("183 Session Progress", { body: sdp(offer) });
    const answered = steps(replyToInvite("200 OK", { body: sdp(offer), more: 'retrans="500"' }), recv("ACK"));
    const stalls = watchStalls();
    let [before, saidBefore, answeredMs] = [0, 0, 0];
    const meanwhile = async (phone: Sipp) => {
      audio.say("PCMA");
      await until(() => audio.heard.length >= 50 && audio.said() >= 50, { what: "50 packets each before the answer", withinMs: 20_000 });
      [before, saidBefore, answeredMs] = [audio.heard.length, audio.said(), Date.now()];
      goOn(phone);
      await until(() => phone.messages().includes("CSeq: 1 ACK"), { what: "the ACK", withinMs: 20_000 });
      audio.say("PCMA", tone(0.02, 500));
      await until(() => audio.heard.length * 160 > before * 160 + greeting.length + 16_000, { what: "the greeting", withinMs: 30_000 });
      goOn(phone);
    };
    const scenario = steps(recvInvite(), early, recv("GO"), answered, recv("GO"), hangUp());
    const { call } = await callTo(scenario, { agent: { greeting_message: GREETING }, meanwhile });
    assert.equal(call.outcome, "completed");

    // One stream, before and behind the answer.
    assertFollowing(audio.heard, 8, stalls());
    assert.ok(audio.heard.slice(0, before).every(({ samples }) => samples.every((sample) => Math.abs(sample) <= 8)));
    assertSaid(greeting, audio.heard, "PCMA");

    const at = (time: Date | null) => time?.getTime() ?? Number.NaN;
    assert.ok(at(call.rang_at) <= answeredMs && answeredMs <= at(call.answered_at), JSON.stringify([call, answeredMs]));
    const received = call.media_quality?.packets_received ?? 0;
    assert.ok(received > audio.said() - saidBefore / 2, `${received} packets came of ${audio.said()}, ${saidBefore} before the answer`);
    const [left = new Int16Array()] = (await recordingOf(line, call.id)).channels;
    const recordedMs = left.length / 8;
    const lastedMs = at(call.ended_at) - at(call.answered_at);
    assert.ok(Math.abs(recordedMs - lastedMs) < 500 + stalls(), `${recordedMs} ms are recorded of ${lastedMs}`);
    // What was on its way at the answer is still the sound of before, and that goes over into the one of after, once.
    const heard = Array.from({ length: left.length / 160 }, (_, index) => {
      const frame = left.subarray(160 * index, 160 * (index + 1));
      return isTone(frame) ? "early" : isTone(frame, 500) ? "late" : undefined;
    });
    assert.ok(20 * heard.indexOf("early") <= 100 + 2 * stalls(), `${heard}`);
    assert.ok(heard.includes("early"), `${heard}`);
    assert.ok(heard.lastIndexOf("early") < heard.indexOf("late"), `${heard}`);
    assert.ok(heard.filter((one) => one === "late").length > 50, `${heard}`);
  });

  for (const [status, outcome] of [
    ["486 Busy Here", "busy"],
    ["600 Busy Everywhere", "busy"],
    ["603 Decline", "declined"],
    ["404 Not Found", "unreachable"],
    ["480 Temporarily Unavailable", "no_answer"],
    ["488 Not Acceptable Here", "failed"],
    ["500 Server Internal Error", "failed"],
  ] as const) {
    test(`${status} after ringing is ${outcome}, and is not tried elsewhere`, async () => {
      const other = await startSipp({ scenario: recvInvite() });
      const phone = await startSipp({ scenario: steps(recvInvite(), ringing(), reply(status), recv("ACK")) });
      const subscriber = await line.subscriber({
        trunk: { gateways: [`udp:127.0.0.1:${phone.port}`, `udp:127.0.0.1:${other.port}`] },
      });
      const call = await subscriber.ended(await subscriber.place());
      await phone.succeeded();
      assert.equal(call.outcome, outcome);
      assert.equal(call.sip_status, Number(status.slice(0, 3)));
      assert.equal(call.answered_at, null);
      assert.doesNotMatch(other.messages(), /^INVITE /m);
      other.process.kill("SIGKILL");
    });
  }

  test("a Reason header tells more than the status: Q.850 cause 17 is busy (RFC 3326)", async () => {
    const { call } = await callTo(refusal("480 Temporarily Unavailable", { headers: ['Reason: Q.850;cause=17;text="User busy"'] }));
    assert.equal(call.outcome, "busy");
    assert.equal(call.q850_cause, 17);
  });

  test("a gateway that answers 503, and one that is not there: the next one is tried", async () => {
    const phone = await startSipp({ scenario: steps(recvInvite(), ringing(), answer(), hangUp()) });
    const full = await startSipp({ scenario: refusal("503 Service Unavailable") });
    const subscriber = await line.subscriber({
      trunk: { gateways: [`udp:127.0.0.1:${full.port}`, `tcp:127.0.0.1:${await freePort()}`, `udp:127.0.0.1:${phone.port}`] },
    });
    const call = await subscriber.ended(await subscriber.place());
    await Promise.all([phone.succeeded(), full.succeeded()]);
    assert.equal(call.outcome, "completed");
    const calls = await subscriber.calls();
    assert.equal(calls.length, 1);
  });

  test("nobody picks up: CANCEL after 30 s, no_answer", async () => {
    const scenario = steps(recvInvite(), ringing(), recv("CANCEL"), replyInDialog("200 OK"), cancelled());
    const { call } = await callTo(scenario);
    assert.equal(call.outcome, "no_answer");
    assert.equal(call.sip_status, 487);
    assert.ok(call.rang_at);
  });

  test("hold and resume by re-INVITE: no audio goes out while held (RFC 3264 8.4)", async () => {
    const audio = await openRtpPeer();
    line.world.defer(async () => audio.close());
    const offer = (sequence: number, direction: "sendonly" | "sendrecv") =>
      request("INVITE", {
        sequence,
        body: sdp({ direction, port: String(audio.port), version: 1 + sequence }),
        more: 'retrans="500"',
      });
    const scenario = steps(
      recvInvite(),
      answer({ offer: { port: String(audio.port) } }),
      recv("GO"),
      offer(1, "sendonly"),
      recvStatus(100, 'optional="true"'),
      `<recv response="200"><action><ereg regexp="a=recvonly" search_in="body" check_it="true" assign_to="held"/></action></recv><Reference variables="held"/>`,
      request("ACK", { sequence: 1 }),
      recv("GO"),
      offer(2, "sendrecv"),
      recvStatus(100, 'optional="true"'),
      `<recv response="200"><action><ereg regexp="a=recvonly|a=inactive" search_in="body" check_it_inverse="true" assign_to="resumed"/></action></recv><Reference variables="resumed"/>`,
      request("ACK", { sequence: 2 }),
      recv("GO"),
      hangUp(3),
    );
    const meanwhile = async (phone: Sipp) => {
      const go = () => goOn(phone);
      const hears = () => {
        const before = audio.heard.length;
        return until(() => audio.heard.length > before + 10, { what: "audio" });
      };
      await hears();
      go();
      await until(() => phone.messages().includes("a=recvonly"), { what: "it is held" });
      const quiet = async () => {
        const before = audio.heard.length;
        // Ten times what is between two packets.
        await sleep(200);
        return audio.heard.length === before;
      };
      await until(quiet, { what: "no audio" });
      go();
      await hears();
      go();
    };
    const { call } = await callTo(scenario, { meanwhile });
    assert.equal(call.outcome, "completed");
  });

  test("no codec in common: the answer cannot be used, and the call says why", async () => {
    const scenario = steps(recvInvite(), answer({ offer: { codec: "G729" } }), hungUp());
    const { call } = await callTo(scenario);
    assert.equal(call.outcome, "failed");
    assert.match(call.error ?? "", /codec/);
  });

  test("a key transfers the caller: REFER, its NOTIFYs, BYE (RFC 3515)", async () => {
    const notify = (sequence: number, status: string, state: string) =>
      steps(
        `<send retrans="500"><![CDATA[
NOTIFY [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$to];tag=[call_number]
To:[$from]
[last_Call-ID:]
CSeq: ${sequence} NOTIFY
Max-Forwards: 70
Event: refer
Subscription-State: ${state}
Contact: <sip:sipp@[local_ip]:[local_port]>
Content-Type: message/sipfrag
Content-Length: [len]

SIP/2.0 ${status}
]]></send>`,
        recvStatus(200),
      );
    const scenario = steps(
      recvInvite(),
      answer(),
      pause(1_000),
      request("INFO", { sequence: 1, headers: ["Content-Type: application/dtmf-relay"], body: undefined as never }).replace(
        "Content-Length: [len]\n\n",
        "Content-Length: [len]\n\nSignal=5\nDuration=100\n",
      ),
      recvStatus(200),
      `<recv request="REFER"><action><ereg regexp="972501112222" search_in="hdr" header="Refer-To:" check_it="true" assign_to="refer"/></action></recv><Reference variables="refer"/>`,
      replyInDialog("202 Accepted"),
      notify(2, "100 Trying", "active;expires=60"),
      notify(3, "200 OK", "terminated;reason=noresource"),
      hungUp(),
    );
    const { call } = await callTo(scenario, { agent: { keypad_actions: { "5": { action: "transfer", to: "+972501112222" } } } });
    assert.equal(call.outcome, "completed");
    assert.equal(call.transfer_target, "+972501112222");
    assert.ok(call.transferred_at);
  });

  test("the gateway's address that is not there: the call says so", async () => {
    const subscriber = await line.subscriber({ trunk: { gateways: [`tcp:127.0.0.1:${await freePort()}`] } });
    const call = await subscriber.ended(await subscriber.place());
    assert.equal(call.outcome, "failed");
    assert.match(call.error ?? "", /refused/);
    const health = await until(
      async () => {
        const { rows } = await line.world.house.db.pool.query<{ state: string; detail: string }>(
          "select state, detail from trunk_health where trunk_id = $1 and state = 'down'",
          [subscriber.trunk.id],
        );
        return rows[0];
      },
      { what: "the trunk's health" },
    );
    assert.match(health.detail, /refused/);
  });
});

/** One stream in packets of 20 ms, each once and in order. Only what was not sent because this process stood still is left out of its time. */
function assertFollowing(packets: readonly HeardPacket[], payloadType: number, stoodStillMs: number): void {
  for (const [index, packet] of packets.entries()) {
    assert.equal(packet.payloadType, payloadType);
    assert.equal(packet.samples.length, 160);
    const last = packets[index - 1];
    if (!last) continue;
    assert.equal(packet.ssrc, last.ssrc);
    assert.equal(packet.sequence, (last.sequence + 1) & 0xffff, `packet ${index}`);
    const later = (packet.timestamp - last.timestamp) >>> 0;
    if (later === 160) continue;
    assert.ok(later % 160 === 0 && packet.marker && later / 8 - 20 < stoodStillMs, `packet ${index}: ${later} after ${stoodStillMs} ms`);
  }
}

/** The sound stands in the packets, once, and every sample of it as its law writes it. */
function assertSaid(wanted: Int16Array, packets: readonly HeardPacket[], law: Law): void {
  const { isFrom } = companding(law);
  const said = Int16Array.from(packets.flatMap(({ samples }) => [...samples]));
  const places = packets.filter((_packet, index) => wanted.every((sample, at) => isFrom(said[160 * index + at] ?? Number.NaN, sample)));
  assert.equal(places.length, 1);
}

/** After CANCEL: 487 to the INVITE, whose header fields those of the CANCEL are but for the method. */
function cancelled(): string {
  return steps(
    `<send><![CDATA[
SIP/2.0 487 Request Terminated
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: [cseq] INVITE
Content-Length: 0

]]></send>`,
    recv("ACK"),
  );
}
