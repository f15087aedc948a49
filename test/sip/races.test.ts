import assert from "node:assert/strict";
import { after, describe, type TestContext, test } from "node:test";
import type { LegEnd } from "../../src/carriers/carrier.ts";
import { nameAddr } from "../../src/carriers/sip/message/nameAddr.ts";
import { sipUri } from "../../src/carriers/sip/message/uri.ts";
import { createAudioLeg } from "../../src/carriers/sip/trunks/audioLeg.ts";
import { DEFAULT_TIMERS } from "../../src/carriers/sip/trunks/settings.ts";
import { createLog } from "../../src/platform/log.ts";
import { handTiming } from "../carriers/sip/dialog/world.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { ackRefusal, callerHangsUp, cancel, inDialog, invite, refused, sendInvite } from "./support/caller.ts";
import { isTone, openRtpPeer, type RtpPeer, tone } from "./support/rtp-peer.ts";
import {
  answer,
  checking,
  hangUp,
  hungUp,
  pause,
  type RequestInDialog,
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
import { type Sipp, startSipp } from "./support/sipp.ts";
import { type CallOptions, openTestAgent, type Talk, type TestAgent } from "./support/user-agent.ts";

/**
 * What crosses, comes twice, or never comes: our user agent with real audio against sipp, which is the telephone that is called
 * where not said otherwise. Every test has a sipp of its own, so all run at once.
 */
const skip = missing("sipp");

/** Nothing is sent twice because the other side is slow: sipp would take some copies for something new. */
const patient = { t1Ms: 10_000, t2Ms: 10_000, t4Ms: 5_000 };
const agent = await openTestAgent({ timers: patient });
/** 64*T1 is 1.6 s: what waits for the end of a transaction is told soon. */
const hasty = await openTestAgent({ timers: { t1Ms: 25, t2Ms: 200, t4Ms: 250 } });

after(async () => {
  const left = { calls: agent.agent.size + hasty.agent.size, sessions: agent.media.size + hasty.media.size };
  await Promise.all([agent.close(), hasty.close()]);
  assert.deepEqual(left, { calls: 0, sessions: 0 }, "nothing is left of a call");
});

interface Called extends Awaited<ReturnType<TestAgent["call"]>> {
  phone: Sipp;
  /** Lets the other side go on from `wait()`. */
  go(): void;
  /** Until the other side has come past `mark(sequence)`: what it sent before has been heard by us. */
  marked(sequence: number): Promise<unknown>;
}

const wait = (): string => recv("GO");
const mark = (sequence: number): string => steps(request("OPTIONS", { sequence }), recvStatus(200));

async function callTo(scenario: string, { on = agent, ...options }: CallOptions & { on?: TestAgent } = {}): Promise<Called> {
  const phone = await startSipp({ scenario });
  const talk = await on.call(phone.port, options);
  return {
    phone,
    ...talk,
    go: () => phone.go(talk.call.callId),
    // As it was sent, and in the response.
    marked: (sequence) => until(() => phone.messages().split(`CSeq: ${sequence} OPTIONS`).length > 2, { what: `mark ${sequence}` }),
  };
}

/** The end of a call that went as the scenario says on the other side too. */
async function endOf({ ended, phone }: Called) {
  const end = await ended();
  await phone.succeeded();
  return end;
}

const ringing = (): string => reply("180 Ringing");
const ok = (): string => replyInDialog("200 OK");
/** The answer to a CANCEL, which has no tag in To. */
const canceled = (): string => reply("200 OK", { contact: false });
const terminated = (status = "487 Request Terminated"): string => steps(replyToInvite(status, { contact: false }), recv("ACK"));
const offer = (sequence: number, parts: RequestInDialog = {}): string =>
  steps(request("INVITE", { sequence, body: sdp({ version: 1 + sequence }), ...parts }), recvStatus(100, 'optional="true"'));
const ack = (sequence: number): string => request("ACK", { sequence });
const notify = (sequence: number, status: string, state: string): string =>
  steps(
    request("NOTIFY", {
      sequence,
      headers: ["Event: refer", `Subscription-State: ${state}`],
      type: "message/sipfrag",
      body: `SIP/2.0 ${status}`,
    }),
    recvStatus(200),
  );
const talking = (...more: string[]): string => steps(recvInvite(), answer(), ...more);

describe("our user agent and sipp", { skip, concurrency: true }, () => {
  describe("before the answer", { concurrency: true }, () => {
    test("hanging up before anything came: CANCEL waits for a provisional response (RFC 3261 9.1)", async () => {
      const called = await callTo(steps(recvInvite(), wait(), replyToInvite("180 Ringing"), recv("CANCEL"), canceled(), terminated()));
      await until(() => called.phone.messages().includes("INVITE sip:"));
      called.call.hangup();
      called.go();
      const end = await endOf(called);
      assert.deepEqual([end.why, end.status, end.answered], ["canceled", 487, false]);
      const said = called.phone.messages();
      assert.ok(said.indexOf("SIP/2.0 180") < said.indexOf("CANCEL sip:"));
    });

    test("hanging up while it rings: CANCEL, 487 (RFC 3261 9.1)", async () => {
      const called = await callTo(steps(recvInvite(), ringing(), recv("CANCEL"), canceled(), terminated()));
      await called.becomes("ringing");
      called.call.hangup();
      const end = await endOf(called);
      assert.deepEqual([end.why, end.status], ["canceled", 487]);
      assert.deepEqual(called.told, ["ringing", "ended canceled"]);
    });

    test("CANCEL crosses the 200: it gets ACK and BYE (RFC 3261 9.1, 15)", async () => {
      const crossing = steps(recv("CANCEL"), replyToInvite("200 OK", { body: sdp() }), canceled(), recv("ACK"), hungUp());
      const called = await callTo(steps(recvInvite(), ringing(), crossing));
      await called.becomes("ringing");
      called.call.hangup();
      const end = await endOf(called);
      assert.deepEqual([end.why, end.status, end.answered], ["canceled", 200, false]);
    });

    test("CANCEL crosses the 200, and our BYE crosses theirs: 200 for it (RFC 3261 15.1.2)", async () => {
      const crossing = steps(recv("CANCEL"), replyToInvite("200 OK", { body: sdp() }), canceled(), recv("ACK"));
      const byes = steps(recv("BYE"), request("BYE", { sequence: 1 }), recvStatus(200));
      const called = await callTo(steps(recvInvite(), ringing(), crossing, byes));
      await called.becomes("ringing");
      called.call.hangup();
      assert.equal((await endOf(called)).why, "canceled");
    });

    test("CANCEL crosses a 486: canceled, with what they said (RFC 3261 9.1)", async () => {
      const crossing = steps(recv("CANCEL"), replyToInvite("486 Busy Here"), canceled(), recv("ACK"));
      const called = await callTo(steps(recvInvite(), ringing(), crossing));
      await called.becomes("ringing");
      called.call.hangup();
      const end = await endOf(called);
      assert.deepEqual([end.why, end.status, end.reason], ["canceled", 486, "Busy Here"]);
    });

    test("two forks answer: the first has the call, the second gets ACK and BYE (RFC 3261 13.2.2.4)", async () => {
      const tagged = (method: string, tag: string) => checking(recv(method), { header: "To", regexp: `tag=${tag}$` });
      const called = await callTo(
        steps(
          recvInvite(),
          reply("180 Ringing", { tag: "one" }),
          reply("180 Ringing", { tag: "two" }),
          reply("200 OK", { tag: "one", body: sdp() }),
          tagged("ACK", "one"),
          replyToInvite("200 OK", { tag: "two", body: sdp() }),
          tagged("ACK", "two"),
          tagged("BYE", "two"),
          ok(),
          hangUp().replace("tag=[call_number]", "tag=one"),
        ),
      );
      assert.equal((await endOf(called)).why, "bye_received");
      assert.deepEqual(called.told, ["ringing", "answered", "ended bye_received"]);
    });

    test("a fork that lost says BYE while ours is under way: 200 for it (RFC 3261 13.2.2.4, 15.1.2)", async () => {
      const called = await callTo(
        steps(
          recvInvite(),
          reply("200 OK", { tag: "one", body: sdp() }),
          recv("ACK"),
          replyToInvite("200 OK", { tag: "two", body: sdp() }),
          recv("ACK"),
          recv("BYE"),
          request("BYE", { tag: "two" }),
          recvStatus(200),
          request("BYE", { tag: "one" }),
          recvStatus(200),
        ),
      );
      assert.equal((await endOf(called)).why, "bye_received");
    });

    test("one fork is heard before the answer, another one answers: audio goes over to it (RFC 3261 13.2.2.4, RFC 3960 3.1)", async (t) => {
      const [early, late] = [await rtpPeer(t), await rtpPeer(t)];
      const called = await callTo(
        steps(
          recvInvite(),
          reply("183 Session Progress", { tag: "early", body: sdp({ port: String(early.port) }) }),
          wait(),
          replyToInvite("200 OK", { tag: "late", body: sdp({ port: String(late.port) }) }),
          recv("ACK"),
          hungUp(),
        ),
      );
      await called.becomes("ringing with audio");
      await until(() => early.heard.length > 5, { what: "audio to the early fork" });
      called.go();
      await called.becomes("answered");
      late.say("PCMA");
      called.media.play(tone(2));
      await hears(called);
      await until(() => late.heard.some(({ pure }) => pure), { what: "our audio at the fork that answered" });
      assert.ok(!early.heard.some(({ pure }) => pure));
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
    });

    test("reliable provisional responses: PRACK for each, with RAck (RFC 3262 4)", async () => {
      const reliable = (status: string, rseq: number, body?: string) =>
        steps(
          replyToInvite(status, { headers: ["Require: 100rel", `RSeq: ${rseq}`], ...(body === undefined ? {} : { body }) }),
          checking(recv("PRACK"), { header: "RAck", regexp: `^ *${rseq} 1 INVITE` }),
          ok(),
        );
      const called = await callTo(
        steps(
          checking(recvInvite(), { header: "Supported", regexp: "100rel" }),
          reliable("183 Session Progress", 7_000, sdp()),
          reliable("180 Ringing", 7_001),
          replyToInvite("200 OK"),
          recv("ACK"),
          hangUp(),
        ),
      );
      assert.equal((await endOf(called)).why, "bye_received");
      assert.deepEqual(called.told, ["ringing with audio", "answered", "ended bye_received"]);
    });

    test("a session interval that is too short for them: another INVITE with a longer one (RFC 4028 7.4)", async () => {
      const called = await callTo(
        steps(
          recvInvite(),
          reply("422 Session Interval Too Small", { headers: ["Min-SE: 7200"] }),
          recv("ACK"),
          checking(recvInvite(), { header: "Session-Expires", regexp: "^ *7200" }, { header: "Min-SE", regexp: "^ *7200" }),
          answer({ headers: ["Session-Expires: 7200;refresher=uas"] }),
          hangUp(),
        ),
      );
      assert.equal((await endOf(called)).why, "bye_received");
    });
  });

  describe("around the answer", { concurrency: true }, () => {
    test("each copy of the 200 gets an ACK, also late, and also after the call (RFC 3261 13.2.2.4)", async () => {
      const again = steps(replyToInvite("200 OK", { body: sdp() }), recv("ACK"));
      const called = await callTo(
        steps(recvInvite(), replyToInvite("200 OK", { body: sdp() }), recv("ACK"), again, again, pause(300), again, hangUp(), again),
      );
      assert.equal((await endOf(called)).why, "bye_received");
      assert.deepEqual(called.told, ["answered", "ended bye_received"]);
    });

    test("an answer that we cannot use: ACK, BYE, and the call says why (RFC 3261 13.2.2.4)", async () => {
      const called = await callTo(steps(recvInvite(), ringing(), answer({ offer: { codec: "G729" } }), hungUp()));
      const end = await endOf(called);
      assert.equal(end.why, "failed");
      assert.match(end.detail, /codec/);
    });

    test("a caller gives up before we have decided: 200 for the CANCEL, 487 for the INVITE (RFC 3261 9.2)", async () => {
      const coming = agent.expect("gone");
      const caller = await calling("gone", steps(sendInvite(), recvStatus(100), cancel(2), recvStatus(200), refused(487, 5)));
      const invited = await coming();
      await until(() => agent.gone.has("gone"));
      // Too late, and nothing comes of it.
      const talk = await agent.accept(invited);
      assert.deepEqual([(await talk.ended()).why, talk.told], ["canceled", ["ended canceled"]]);
      await caller.succeeded();
    });

    test("CANCEL after our 200 ends nothing: the call stands until BYE (RFC 3261 9.2)", async () => {
      const coming = agent.expect("late");
      const scenario = steps(invite(), recvStatus(200, 'rrs="true"'), cancel(5), recvStatus(200), inDialog("ACK", 1), callerHangsUp());
      const caller = await calling("late", scenario);
      const talk = await agent.accept(await coming());
      await talk.becomes("answered");
      assert.equal((await talk.ended()).why, "bye_received");
      await caller.succeeded();
    });

    test("hanging up before their ACK: BYE only after it (RFC 3261 15)", async () => {
      const coming = agent.expect("early-bye");
      const scenario = steps(invite(), recvStatus(200, 'rrs="true"'), pause(300), inDialog("ACK", 1), recv("BYE"), ok());
      const caller = await calling("early-bye", scenario);
      const talk = await agent.accept(await coming());
      await talk.becomes("answered");
      talk.call.hangup();
      assert.equal((await talk.ended()).why, "bye_sent");
      await caller.succeeded();
    });

    test("no ACK ever: BYE after 64*T1, and the call is lost (RFC 3261 13.3.1.4)", async () => {
      const coming = hasty.expect("no-ack");
      const caller = await calling("no-ack", steps(invite(), recvStatus(200, 'rrs="true"'), recv("BYE"), ok()), hasty);
      const talk = await hasty.accept(await coming());
      const end = await talk.ended();
      assert.deepEqual([end.why, end.detail], ["lost", "our answer was never acknowledged"]);
      await caller.succeeded();
    });

    test("an INVITE with a session interval below ours: 422 with Min-SE (RFC 4028 6)", async () => {
      const headers = ["Supported: timer", "Session-Expires: 60"];
      const refusal = steps(checking(recvStatus(422), { header: "Min-SE", regexp: "^ *90" }), ackRefusal());
      await (await calling("short", steps(invite({ headers }), refusal))).succeeded();
    });
  });

  describe("the end", { concurrency: true }, () => {
    test("both hang up at once: each BYE gets its 200, and the call ends once (RFC 3261 15.1.2)", async () => {
      const called = await callTo(talking(recv("BYE"), request("BYE"), recvStatus(200)));
      await called.becomes("answered");
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
      assert.deepEqual(called.told, ["answered", "ended bye_sent"]);
    });

    test("nobody answers our BYE: the call ends all the same (RFC 3261 15.1.1)", async () => {
      const called = await callTo(talking(recv("BYE"), pause(2_000)), { on: hasty });
      await called.becomes("answered");
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
    });

    test("a BYE says why: its Reason is that of the call (RFC 3326)", async () => {
      const reasons = ["Reason: SIP;cause=580", 'Reason: Q.850;cause=41;text="Temporary failure"'];
      const called = await callTo(talking(request("BYE", { headers: reasons }), recvStatus(200)));
      const end = await endOf(called);
      assert.deepEqual([end.why, end.status, end.q850, end.reason], ["bye_received", 200, 41, "Temporary failure"]);
      assert.equal(end.detail, "the other side hung up: Temporary failure");
    });

    test("BYE twice, as of another transaction: 481 for the second (RFC 3261 15.1.2)", async () => {
      const called = await callTo(talking(hangUp(1), request("BYE", { sequence: 2 }), recvStatus(481)));
      assert.equal((await endOf(called)).why, "bye_received");
    });

    test("no audio and no BYE, as from a telephone that lost its power: lost after a while, with a BYE", async (t) => {
      const quiet = await openTestAgent({ silentAfterMs: 100 });
      t.after(quiet.close);
      const phone = await startSipp({ scenario: talking(hungUp()) });
      const ends: LegEnd[] = [];
      const leg = createAudioLeg({
        handler: { ringing() {}, answered() {}, ended: (end) => ends.push(end) },
        timers: { ...DEFAULT_TIMERS, silentWarnMs: 100, silentEndMs: 500 },
        log: createLog("silent"),
        uriOf: (user) => sipUri({ user, host: "127.0.0.1" }),
        hosts: () => [],
        done() {},
      });
      const media = await leg.openMedia(quiet.media);
      const address = nameAddr(sipUri({ user: "+972501234567", host: "127.0.0.1", port: phone.port }));
      const invited = {
        target: { protocol: "udp", host: "127.0.0.1", port: phone.port },
        uri: address.uri,
        from: nameAddr(sipUri({ user: "+97231234567", host: "127.0.0.1" })),
        to: address,
        media,
        audio: { address: "127.0.0.1", port: media.port, codecs: ["PCMA"], srtp: "off" },
        ringTimeoutMs: 10_000,
        firstResponseTimeoutMs: 10_000,
      } as const;
      leg.attach(quiet.agent.invite(invited, leg.listen(leg.finishAs)));
      const [end] = await until(() => ends.length > 0 && ends);
      assert.deepEqual([end?.cause, end?.detail], ["lost", "no audio came from the other side for 1 s"]);
      await phone.succeeded();
    });
  });

  describe("session timers", { concurrency: true }, () => {
    const timed = (refresher: "uac" | "uas", allow = true): string =>
      answer({
        headers: [
          "Supported: timer",
          `Session-Expires: 1800;refresher=${refresher}`,
          ...(allow ? ["Allow: INVITE, ACK, BYE, UPDATE"] : []),
        ],
      });
    /** Of ours. */
    const confirmed = { headers: ["Require: timer", "Session-Expires: 1800;refresher=uac"] };
    const expires = { header: "Session-Expires", regexp: "^ *1800 *; *refresher=uac" };

    /** A call whose time passes when a test says so. */
    async function timedCall(t: TestContext, scenario: string) {
      const { timing, advance } = handTiming();
      const on = await openTestAgent({ timing, timers: patient });
      t.after(async () => {
        assert.equal(on.agent.size, 0, "nothing is left of a call");
        await on.close();
      });
      const called = await callTo(scenario, { on });
      await called.becomes("answered");
      return { ...called, advance: (seconds: number) => advance(seconds * 1_000) };
    }

    test("they refresh, and stop doing so: BYE shortly before the session expires, and the call is lost (RFC 4028 10)", async (t) => {
      const theirs = { sequence: 1, headers: ["Supported: timer", "Session-Expires: 1800;refresher=uac"] };
      const refresh = steps(request("UPDATE", theirs), checking(recvStatus(200), expires));
      const called = await timedCall(t, steps(recvInvite(), timed("uas"), wait(), refresh, mark(2), recv("BYE"), ok()));
      called.advance(1_700);
      called.go();
      await called.marked(2);
      called.advance(1_767);
      assert.deepEqual(called.told, ["answered"]);
      called.advance(1);
      const end = await endOf(called);
      assert.deepEqual([end.why, end.detail], ["lost", "the session timer ran out"]);
    });

    for (const update of [true, false]) {
      test(`we refresh by ${update ? "UPDATE where they take it" : "re-INVITE otherwise, and nothing of the session changes"} (RFC 4028 7.4, 10)`, async (t) => {
        const refresh = update
          ? steps(checking(recv("UPDATE"), expires), replyInDialog("200 OK", confirmed))
          : steps(
              checking(recv("INVITE"), expires, { regexp: "o=- [0-9]+ 1 IN IP4" }),
              replyInDialog("200 OK", { ...confirmed, body: sdp() }),
              recv("ACK"),
            );
        const called = await timedCall(t, steps(recvInvite(), timed("uac", update), refresh, mark(1), refresh, mark(2), hangUp(3)));
        for (const sequence of [1, 2]) {
          called.advance(900);
          await called.marked(sequence);
        }
        assert.equal((await endOf(called)).why, "bye_received");
      });
    }

    test("a refresh that is too short on its way: again, and longer (RFC 4028 7.4)", async (t) => {
      const small = replyInDialog("422 Session Interval Too Small", { headers: ["Min-SE: 3600"] });
      const longer = checking(recv("UPDATE"), { header: "Session-Expires", regexp: "^ *3600" }, { header: "Min-SE", regexp: "^ *3600" });
      const refresh = steps(recv("UPDATE"), small, longer, replyInDialog("200 OK", confirmed));
      const called = await timedCall(t, steps(recvInvite(), timed("uac"), refresh, hangUp()));
      called.advance(900);
      assert.equal((await endOf(called)).why, "bye_received");
    });

    test("re-INVITEs cross: each gets 491, ours comes again later, and theirs is taken then (RFC 3261 14.1, 14.2)", async (t) => {
      const crossing = steps(
        checking(recv("INVITE"), { header: "CSeq", regexp: "2 INVITE" }, { header: "Via", regexp: ".*", keep: "reinvite_via" }),
        request("INVITE", { sequence: 1, body: sdp({ version: 2 }) }),
        recvStatus(100, 'optional="true"'),
        recvStatus(491),
        request("ACK", { sequence: 1, branch: "[branch-3]" }),
        replyToInvite("491 Request Pending").replace("Via:[$via]", "Via:[$reinvite_via]").replace("CSeq:[$cseq]", "CSeq: 2 INVITE"),
        recv("ACK"),
      );
      const again = steps(
        checking(recv("INVITE"), { header: "CSeq", regexp: "3 INVITE" }),
        replyInDialog("200 OK", { ...confirmed, body: sdp() }),
        recv("ACK"),
      );
      const scenario = steps(recvInvite(), timed("uac", false), crossing, mark(2), again, offer(3), recvStatus(200), ack(3), hangUp(4));
      const called = await timedCall(t, scenario);
      called.advance(900);
      await called.marked(2);
      called.advance(4);
      assert.equal((await endOf(called)).why, "bye_received");
    });
  });

  describe("within a call", { concurrency: true }, () => {
    test("a re-INVITE that cannot be had: 488, and the call goes on as it was (RFC 3261 14.2)", async (t) => {
      const peer = await rtpPeer(t);
      const at = { port: String(peer.port) };
      const called = await callTo(
        steps(
          recvInvite(),
          answer({ offer: at }),
          offer(1, { body: sdp({ codec: "G729", version: 2, port: "9" }) }),
          checking(recvStatus(488), { header: "Warning", regexp: "codec" }),
          request("ACK", { sequence: 1, branch: "[branch-3]" }),
          wait(),
          offer(2, { body: sdp({ ...at, version: 2 }) }),
          recvStatus(200),
          ack(2),
          hungUp(),
        ),
      );
      await called.becomes("answered");
      peer.say("PCMA");
      await until(() => called.phone.messages().includes("CSeq: 1 ACK"));
      await hears(called);
      called.go();
      await until(() => called.phone.messages().includes("CSeq: 2 ACK"));
      const { length } = peer.heard;
      await until(() => peer.heard.length > length + 5, { what: "our audio after the 488" });
      await hears(called);
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
    });

    test("A-law becomes mu-law by re-INVITE while both talk (RFC 3261 14, RFC 3264 8.3.2)", async (t) => {
      const peer = await rtpPeer(t);
      const port = String(peer.port);
      const called = await callTo(
        steps(
          recvInvite(),
          answer({ offer: { port } }),
          wait(),
          offer(1, { body: sdp({ codec: "PCMU", port, version: 2 }) }),
          checking(recvStatus(200), { regexp: "m=audio [0-9]+ RTP/AVP 0" }),
          ack(1),
          hungUp(),
        ),
      );
      await called.becomes("answered");
      peer.say("PCMA");
      called.media.play(tone(10));
      await hears(called);
      await until(() => peer.heard.some(({ payloadType, pure }) => payloadType === 8 && pure), { what: "A-law of ours" });
      called.go();
      await until(() => peer.heard.some(({ payloadType }) => payloadType === 0), { what: "mu-law of ours" });
      peer.say("PCMU");
      await hears(called);
      const [turn, last] = [peer.heard.findIndex(({ payloadType }) => payloadType === 0), peer.heard.length];
      await until(() => peer.heard.length > last + 10);
      assert.ok(
        peer.heard.slice(turn).every(({ payloadType, pure }) => payloadType === 0 && pure),
        "nothing is lost or mixed at the turn",
      );
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
    });

    test("UPDATE with another address: audio and requests go there (RFC 3311 5.2, RFC 3261 12.2.2)", async (t) => {
      const [first, second] = [await rtpPeer(t), await rtpPeer(t)];
      const moved = { contact: "sip:moved@[local_ip]:[local_port]", body: sdp({ port: String(second.port), version: 2 }) };
      const called = await callTo(
        steps(
          recvInvite(),
          answer({ offer: { port: String(first.port) } }),
          wait(),
          request("UPDATE", { sequence: 1, ...moved }),
          checking(recvStatus(200), { regexp: "a=sendrecv" }),
          `<recv request="BYE"><action><ereg regexp="BYE sip:moved@" search_in="msg" check_it="true" assign_to="target"/></action></recv><Reference variables="target"/>`,
          ok(),
        ),
      );
      await until(() => first.heard.length > 5, { what: "our audio at the first address" });
      called.go();
      await until(() => second.heard.length > 5, { what: "our audio at the second address" });
      second.say("PCMA");
      await hears(called);
      const { length } = first.heard;
      await until(() => second.heard.length > 30);
      assert.equal(first.heard.length, length);
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
    });

    test("hold and resume: no audio goes out while held (RFC 3264 8.4)", async (t) => {
      const peer = await rtpPeer(t);
      const port = String(peer.port);
      const called = await callTo(
        steps(
          recvInvite(),
          answer({ offer: { port } }),
          offer(1, { body: sdp({ direction: "sendonly", port, version: 2 }) }),
          checking(recvStatus(200), { regexp: "a=recvonly" }),
          ack(1),
          wait(),
          offer(2, { body: sdp({ port, version: 3 }) }),
          checking(recvStatus(200), { regexp: "a=sendrecv" }),
          ack(2),
          hungUp(),
        ),
      );
      await until(() => called.phone.messages().includes("CSeq: 1 ACK"));
      await frames(called, 2);
      const held = peer.heard.length;
      await frames(called, 20);
      assert.equal(peer.heard.length, held);
      called.go();
      await until(() => peer.heard.length > held + 10, { what: "our audio after the hold" });
      called.call.hangup();
      assert.equal((await endOf(called)).why, "bye_sent");
    });

    for (const [name, first, detail] of [
      ["REFER is refused: the call goes on (RFC 3515 2.4.2)", replyInDialog("603 Decline"), "603 Decline"],
      [
        "the one it is handed to is busy: the call goes on (RFC 3515 2.4.5)",
        steps(
          replyInDialog("202 Accepted"),
          notify(1, "100 Trying", "active;expires=60"),
          notify(2, "486 Busy Here", "terminated;reason=noresource"),
        ),
        "486 Busy Here",
      ],
    ] as const) {
      test(name, async () => {
        const called = await callTo(talking(checking(recv("REFER"), { header: "Refer-To", regexp: "sip:other@" }), first, hungUp()));
        await called.becomes("answered");
        assert.deepEqual(await called.call.refer(sipUri({ user: "other", host: "127.0.0.1" })), { accepted: false, detail });
        assert.deepEqual(called.told, ["answered"]);
        called.call.hangup();
        assert.equal((await endOf(called)).why, "bye_sent");
      });
    }

    test("keys go and come by INFO where telephone-event was not agreed (RFC 6086)", async () => {
      const noEvents = sdp()
        .replace("RTP/AVP 8 101", "RTP/AVP 8")
        .replace(/a=(rtpmap:101|fmtp:101).*\n/g, "");
      const said = (key: string) =>
        checking(recv("INFO"), { header: "Content-Type", regexp: "application/dtmf-relay" }, { regexp: `Signal=${key}` });
      const called = await callTo(
        steps(
          recvInvite(),
          answer({ body: noEvents }),
          request("INFO", { sequence: 1, type: "application/dtmf-relay", body: "Signal=5\nDuration=160" }),
          recvStatus(200),
          request("INFO", { sequence: 2, type: "application/dtmf", body: "#" }),
          recvStatus(200),
          said("1"),
          ok(),
          said("[*]"),
          ok(),
          hangUp(3),
        ),
      );
      await until(() => called.digits.length === 2);
      assert.deepEqual(called.digits, ["5", "#"]);
      await called.media.sendDigits("1*");
      assert.equal((await endOf(called)).why, "bye_received");
    });

    test("other requests: OPTIONS says what we take, an unknown method 405, an unknown extension 420, an older CSeq 500 (RFC 3261 8.2, 11.2, 12.2.2)", async () => {
      const called = await callTo(
        talking(
          request("OPTIONS", { sequence: 5 }),
          checking(recvStatus(200), { header: "Allow", regexp: "UPDATE" }, { header: "Accept", regexp: "application/sdp" }),
          request("PUBLISH", { sequence: 6 }),
          checking(recvStatus(405), { header: "Allow", regexp: "BYE" }),
          request("INFO", { sequence: 7, headers: ["Require: teleport"] }),
          checking(recvStatus(420), { header: "Unsupported", regexp: "teleport" }),
          request("INFO", { sequence: 3 }),
          recvStatus(500),
          request("REFER", { sequence: 8, headers: ["Refer-To: <sip:thief@192.0.2.1>"] }),
          recvStatus(603),
          hangUp(9),
        ),
      );
      assert.equal((await endOf(called)).why, "bye_received");
      assert.deepEqual(called.told, ["answered", "ended bye_received"]);
    });
  });
});

async function rtpPeer(t: { after(run: () => void): void }): Promise<RtpPeer> {
  const peer = await openRtpPeer();
  t.after(peer.close);
  return peer;
}

/** Until we hear nothing but the tone for a tenth of a second. */
async function hears({ media }: Talk): Promise<void> {
  let run = 0;
  const stop = media.onFrame(({ heard, concealed }) => {
    run = isTone(heard) && !concealed ? run + 1 : 0;
  });
  await until(() => run >= 5, { what: "the tone, for a tenth of a second", withinMs: 20_000 }).finally(stop);
}

/** Until as many frames have passed. */
function frames({ media }: Talk, count: number): Promise<void> {
  return new Promise((resolve) => {
    let left = count;
    const stop = media.onFrame(() => {
      if (--left > 0) return;
      stop();
      resolve();
    });
  });
}

/** sipp calls us. */
const calling = (user: string, scenario: string, on = agent): Promise<Sipp> =>
  startSipp({ scenario, remote: `127.0.0.1:${on.port}`, service: user });
