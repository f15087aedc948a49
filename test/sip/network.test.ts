import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Call } from "../../src/core/calls/row.ts";
import { openRelay } from "../carriers/sip/relay.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { openBadPath } from "./support/bad-path.ts";
import { startBaresip } from "./support/baresip.ts";
import { answered, callerHangsUp, invite } from "./support/caller.ts";
import { companding } from "./support/companding.ts";
import { compareMoved } from "./support/compare-sound.ts";
import { healthOf } from "./support/healthOf.ts";
import { CONCEALED, lacking } from "./support/lacking.ts";
import { type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { recordingOf } from "./support/recording-of.ts";
import { hangUp, pause, recv, reply, replyInDialog, sdp, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";
import { readWav, writeWav } from "./support/sound.ts";
import { spoken } from "./support/spoken.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { unlessDisturbed } from "./support/unless-disturbed.ts";
import { watchStalls } from "./support/watch-stalls.ts";

/** Calls over a network that loses, delays and reorders. */
const skip = missing("baresip", "sipp", "espeak-ng");
const line = await startLine();

const GREETING =
  "Hello Dana, this is the clinic. We call about your appointment on Thursday at half past nine, with doctor Levi. " +
  "Please bring your papers, and come ten minutes early. Thank you, and good bye.";
const COUNTING = "One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen.";

/** Silence first, in which the jitter buffer gets to know the network. */
const LEAD_SECONDS = 3;

test("audio with 5 % loss, 30 ms jitter and 1 % reordering: speech is complete both ways, and the loss is told", { skip }, async (t) => {
  const [greeting, counting] = await Promise.all([spoken(GREETING), spoken(COUNTING)]);
  const plays = join(temporaryFolder(), "counting.wav");
  const silence = new Int16Array(8_000 * 30);
  writeWav(plays, Int16Array.from([...silence.subarray(0, 8_000 * LEAD_SECONDS), ...counting, ...silence]));
  const seconds = Math.ceil(Math.max(greeting.length, counting.length) / 8_000) + LEAD_SECONDS + 2;

  await unlessDisturbed(t, async () => {
    const phone = await startBaresip({ plays, user: "+972501234567" });
    const path = await openBadPath(phone.port, { seed: "audio", loss: 0.05, delayMs: 20, jitterMs: 30, reorder: 0.01 });
    line.world.defer(() => path.close());
    const subscriber = await line.subscriber({
      trunk: { gateways: [`udp:127.0.0.1:${path.port}`], codecs: ["pcma"] },
      agent: { greeting_message: GREETING, max_call_duration_secs: seconds },
    });
    const stalls = watchStalls();
    const call = await subscriber.ended(await subscriber.place(), 60_000);
    const stoodStillMs = Math.max(stalls(), phone.stoodStillMs());
    assert.equal(call.outcome, "completed", call.error ?? "");
    await phone.event("CALL_CLOSED");
    assert.ok(path.rtp.count.dropped > 20 && path.rtp.count.reordered > 0, JSON.stringify(path.rtp.count));

    // The phone takes packets as they come, fills in something for those that do not, and plays none that is late.
    const [file] = await until(() => phone.heard().length > 0 && phone.heard(), { what: "what the telephone heard" });
    const came = shareOfFrames(greeting, readWav(file ?? "").channels[0] ?? new Int16Array());
    const quality = call.media_quality;
    assert.ok(quality);
    const lost = quality.packets_lost / (quality.packets_received + quality.packets_lost);
    assert.ok((quality.remote_packets_lost ?? 0) > 0, "the phone tells of what it lost");
    assert.ok(quality.jitter_ms > 4, `${quality.jitter_ms} ms of jitter`);
    assert.ok((quality.round_trip_ms ?? 0) > 30, `${quality.round_trip_ms} ms there and back, of which 40 are the network's`);

    const [left = new Int16Array()] = (await recordingOf(line, call.id)).channels;
    assert.ok(Math.abs(left.length / 8 - seconds * 1_000) < 500 + stoodStillMs, `${left.length / 8} ms are recorded`);
    const recorded = lacking(compareMoved(counting, left), CONCEALED);
    const fault = [
      came > 0.89 ? undefined : `${came} of what was said came to the telephone`,
      lost > 0.025 && lost < 0.1 ? undefined : `${quality.packets_lost} of ${quality.packets_received + quality.packets_lost} are lost`,
      quality.packets_lost < path.rtp.count.dropped ? undefined : "what came late and out of order was not played",
      quality.mos > 3 && quality.mos < 4.3 ? undefined : `the line is as good as ${quality.mos}`,
      recorded && `the recording: ${recorded}`,
    ].find((one) => one !== undefined);
    return { fault, stoodStillMs };
  });
});

/** Of the frames that were said and are more than noise, the share that is heard sample by sample, in order, and near where it belongs. */
function shareOfFrames(said: Int16Array, heard: Int16Array): number {
  const { isFrom } = companding("PCMA");
  const framesOf = (samples: Int16Array) =>
    Array.from({ length: Math.floor(samples.length / 160) }, (_, index) => samples.subarray(160 * index, 160 * (index + 1)));
  const frames = framesOf(heard);
  const stands = (frame: Int16Array, at: number) => frame.every((sample, index) => isFrom(frames[at]?.[index] ?? Number.NaN, sample));
  let [wanted, found, next] = [0, 0, 0];
  let delay: number | undefined;
  for (const [index, frame] of framesOf(said).entries()) {
    if (!frame.some((sample) => Math.abs(sample) > 200)) continue;
    wanted++;
    const places = frames.keys().filter((at) => at >= next && Math.abs(at - index - (delay ?? at - index)) <= 10);
    const place = places.find((at) => stands(frame, at));
    if (place === undefined) continue;
    found++;
    next = place + 1;
    delay = place - index;
  }
  return found / wanted;
}

/** What the called side does, by a digit of its number; and what is then to be found of the call here. */
const KINDS = {
  1: { count: 150, does: "hangs up", outcome: "completed", endedBy: "caller", status: 200 },
  2: { count: 100, does: "is hung up on", outcome: "completed", endedBy: "system", status: 200 },
  3: { count: 100, does: "486 Busy Here", outcome: "busy", endedBy: "system", status: 486 },
  4: { count: 75, does: "603 Decline", outcome: "declined", endedBy: "caller", status: 603 },
  5: { count: 75, does: "404 Not Found", outcome: "unreachable", endedBy: "system", status: 404 },
} as const;
type Kind = keyof typeof KINDS;
const kinds = [1, 2, 3, 4, 5] as const satisfies Kind[];
const numbersOf = (kind: Kind): string[] =>
  Array.from({ length: KINDS[kind].count }, (_value, index) => `+97250123${kind}${String(index).padStart(3, "0")}`);

/** sipp, called over the relay's port, writes down each call that it gets, and how it ended there. */
function phones(contact: number): string {
  const log = (text: string) => `<nop><action><log message="${text} [$number] [call_id]"/></action></nop>`;
  const to = (label: number) => `<nop next="${label}"/>`;
  const at = (label: number, ...rest: string[]) => steps(`<label id="${label}"/>`, ...rest);
  const headers = [`Contact: <sip:sipp@127.0.0.1:${contact}>`];
  const say = (status: string, more?: string) => reply(status, { contact: false, headers, ...(more ? { more } : {}) });
  const take = reply("200 OK", { contact: false, headers, body: sdp(), more: 'retrans="500"' });
  const refuse = (status: string) => steps(say(status, 'retrans="500"'), recv("ACK"), log(status), to(70));
  const chosen = kinds.map((kind) => `<ereg regexp="97250123${kind}" search_in="hdr" header="To:" assign_to="kind${kind}"/>`).join("\n");
  return steps(
    `<recv request="INVITE" rrs="true"><action>
  <ereg regexp="&lt;(sip[^&gt;]*)&gt;" search_in="hdr" header="Contact:" check_it="true" assign_to="contact_all,contact"/>
  <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
  <ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="to"/>
  <ereg regexp=".97250[0-9]*" search_in="hdr" header="To:" assign_to="number"/>
  ${chosen}
</action></recv><Reference variables="contact_all"/>`,
    log("rings"),
    say("180 Ringing"),
    pause(100),
    ...kinds.map((kind) => `<nop next="${kind}" test="kind${kind}"/>`),
    at(1, take, recv("ACK"), pause(200), hangUp(), log("hangs up"), to(70)),
    at(2, take, recv("ACK", 'optional="true"'), recv("BYE"), replyInDialog("200 OK"), log("is hung up on"), pause(8_000), to(70)),
    at(3, refuse("486 Busy Here")),
    at(4, refuse("603 Decline")),
    at(5, refuse("404 Not Found")),
    at(70),
  );
}

test("SIP over UDP with 5 % loss: 500 calls, each with its right outcome on both sides", { skip }, async () => {
  const phonePort = await freePort();
  const relay = await openRelay({
    seed: "signalling",
    loss: 0.05,
    delayMs: 5,
    a: { address: "127.0.0.1", port: line.sipPort },
    b: { address: "127.0.0.1", port: phonePort },
  });
  line.world.defer(() => relay.close());
  const log = join(temporaryFolder(), "calls.log");
  const phone = await startSipp({
    scenario: phones(relay.forA),
    port: phonePort,
    timeoutSeconds: 300,
    more: ["-trace_logs", "-log_file", log],
  });
  const agent = { agent_speaks_first: false, recording_enabled: false };
  const trunk = { gateways: [`udp:127.0.0.1:${relay.forA}`], maxChannels: 600, callsPerSecond: 30 };
  const subscribers = {
    patient: await line.subscriber({ trunk, agent, callLimit: 600 }),
    brief: await line.subscriber({ trunk, agent: { ...agent, max_call_duration_secs: 2 }, callLimit: 600 }),
  };
  const caller = (kind: Kind): Subscriber => subscribers[kind === 2 ? "brief" : "patient"];
  const numbers = kinds.flatMap((kind) => numbersOf(kind).map((number, index) => ({ kind, number, turn: index / KINDS[kind].count })));
  // One kind among the others.
  numbers.sort((one, other) => one.turn - other.turn);
  await Promise.all(numbers.map(({ kind, number }) => caller(kind).place(number)));
  const calls = await allEnded(Object.values(subscribers));
  const lines = await until(
    () => {
      const found = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : [];
      return found.length >= 2 * numbers.length && found;
    },
    { what: "the end of every call at the phones", withinMs: 120_000 },
  );
  phone.process.kill("SIGKILL");

  const there = Map.groupBy(lines, (text) => /\+97250\d+/.exec(text)?.[0] ?? "");
  const here = Map.groupBy(calls, (call) => call.to_number);
  for (const { kind, number } of numbers) {
    const { does, outcome, endedBy, status } = KINDS[kind];
    const words = (there.get(number) ?? []).map((text) => text.slice(0, text.indexOf(` ${number}`)));
    assert.deepEqual(words, ["rings", does], `${number} rings once`);
    const found = (here.get(number) ?? []).map((call) => [call.outcome, call.ended_by, call.sip_status]);
    assert.deepEqual(found, [[outcome, endedBy, status]], `${number}, which ${does}`);
  }
  assert.equal(there.size, numbers.length);
  assert.equal(here.size, numbers.length);
  assert.ok(relay.count.dropped > 0.03 * relay.count.passed, JSON.stringify(relay.count));
  for (const subscriber of Object.values(subscribers)) await nothingIsHeld(subscriber);
});

test("calls that come in over SIP with 5 % loss: 100 of them, each answered once", { skip }, async () => {
  const relay = await openRelay({ seed: "calls in", loss: 0.05, delayMs: 5, b: { address: "127.0.0.1", port: line.sipPort } });
  line.world.defer(() => relay.close());
  const subscriber = await line.subscriber({
    trunk: { gateways: [`tcp:127.0.0.1:${await freePort()}`], inboundNetworks: ["127.0.0.1/32"], maxChannels: 600 },
    agent: { agent_speaks_first: false, recording_enabled: false },
    callLimit: 600,
  });
  // It knows the trunk: it has found out, at once, that nothing listens at the gateway.
  await healthOf(line, subscriber, "options", "down");
  const caller = await startSipp({
    // Long enough for a lost ACK to be asked for again: sipp takes a 200 to its INVITE that comes after its BYE for the answer to that.
    scenario: steps(invite(), answered(), pause(2_000), callerHangsUp()),
    remote: `127.0.0.1:${relay.forA}`,
    service: subscriber.number,
    calls: 100,
    rate: 30,
    timeoutSeconds: 300,
    more: ["-l", "200"],
  });
  await caller.succeeded();
  const calls = await allEnded([subscriber]);
  assert.deepEqual([...new Set(calls.map((call) => `${call.outcome} ${call.ended_by}`))], ["completed caller"]);
  assert.equal(calls.length, 100);
  await nothingIsHeld(subscriber);
});

async function allEnded(subscribers: readonly Subscriber[]): Promise<Call[]> {
  const open = async () => {
    const calls = (await Promise.all(subscribers.map((one) => one.calls()))).flat();
    return { calls, left: calls.filter(({ status }) => status !== "ended") };
  };
  return until(async () => (await open()).left.length === 0, { what: "the end of every call", withinMs: 120_000 })
    .then(async () => (await open()).calls)
    .catch(async (error: unknown) => assert.fail(`${error}: ${JSON.stringify((await open()).left)}`));
}

async function nothingIsHeld({ workspace, trunk }: Subscriber): Promise<void> {
  const { rows } = await line.world.house.db.pool.query(
    `select (select in_use from workspace_capacity where workspace_id = $1) as leases,
       (select in_use from trunk_capacity where trunk_id = $2) as channels,
       (select count(*)::integer from live_calls where workspace_id = $1) as live`,
    [workspace.id, trunk.id],
  );
  assert.deepEqual(rows, [{ leases: 0, channels: 0, live: 0 }]);
}
