import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { AgentChanges } from "../../src/core/agents/settings.ts";
import type { Call } from "../../src/core/calls/row.ts";
import type { TrunkSettings } from "../../src/core/trunks/fields.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { type Baresip, type BaresipOptions, startBaresip } from "./support/baresip.ts";
import { compareInPlace, compareMoved } from "./support/compare-sound.ts";
import { BUFFERED, lacking, UNTOUCHED } from "./support/lacking.ts";
import { type Subscriber, startLine } from "./support/line.ts";
import { pausesIn } from "./support/pauses-in.ts";
import { readWav, type Sound, writeWav } from "./support/sound.ts";
import { spoken } from "./support/spoken.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { unlessDisturbed } from "./support/unless-disturbed.ts";
import { watchStalls } from "./support/watch-stalls.ts";

/** Calls to a telephone that we did not write: what it hears, what we record, which keys arrive. */
const skip = missing("baresip", "espeak-ng");
const line = await startLine();
const folder = temporaryFolder();
const GREETING = "Hello Dana, this is the clinic. We call about your appointment.";

const greeting = skip ? new Int16Array() : await spoken(GREETING);
const known = skip ? new Int16Array() : await spoken("One two three four five six seven eight nine ten.");

/** What the telephone plays: a second of silence, the known words, and silence for longer than any call here. */
const phonePlays = join(folder, "known.wav");
const silence = new Int16Array(8_000 * 40);
writeWav(phonePlays, Int16Array.from([...silence.subarray(0, 8_000), ...known, ...silence]));

interface Talk {
  phone: Baresip;
  subscriber: Subscriber;
  callId: string;
}

/** Calls the telephone, which answers. */
async function call(
  options: { agent?: Partial<AgentChanges>; trunk?: Partial<TrunkSettings>; phone?: Partial<BaresipOptions> } = {},
): Promise<Talk> {
  const phone = await startBaresip({ plays: phonePlays, user: "+972501234567", ...options.phone });
  const subscriber = await line.subscriber({
    trunk: { gateways: [`${options.phone?.transport ?? "udp"}:127.0.0.1:${phone.port}`], ...options.trunk },
    agent: { greeting_message: GREETING.replace("Dana", "{{LeadName}}"), ...options.agent },
  });
  const callId = await subscriber.place();
  await phone.event("CALL_ESTABLISHED");
  return { phone, subscriber, callId };
}

/** The call's recording, as its link gives it. */
async function recordingOf(subscriber: Subscriber, callId: string): Promise<Sound> {
  const { token } = await subscriber.key("yappr");
  const asked = await fetch(`${line.world.app.url}/calls/${callId}`, { headers: { authorization: `Bearer ${token}` } });
  const { recording_url: link } = (await asked.json()) as { recording_url: string };
  const { pathname, search } = new URL(link);
  const response = await fetch(`${line.world.app.url}${pathname}${search}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "audio/wav");
  const file = join(temporaryFolder(), "recording.wav");
  writeFileSync(file, Buffer.from(await response.arrayBuffer()));
  return readWav(file);
}

const heardAtPhone = async ({ phone }: Talk): Promise<Int16Array> => {
  const [file] = await until(() => phone.heard().length > 0 && phone.heard(), { what: "what the telephone heard" });
  return readWav(file ?? "").channels[0] ?? new Int16Array();
};

/**
 * The telephone has every packet, one behind the other: it records them as they come, whatever stood still meanwhile. So there is one
 * place in which the whole is as it was said.
 */
function assertHeard(what: string, wanted: Int16Array, heard: Int16Array): void {
  assert.equal(lacking(compareInPlace(wanted, heard), UNTOUCHED), undefined, what);
}

/**
 * Every sample that the agent said is in the recording, in order. Only frames that were not sent, because this process stood still when
 * they were due, are silent in their midst.
 */
function assertRecorded(wanted: Int16Array, said: Int16Array, { media_quality: quality }: Call, stoodStillMs: number): void {
  const pauses = pausesIn(wanted, said);
  assert.ok(pauses !== undefined, "the agent's side is sample by sample what was said");
  const notSent = said.length / 160 - (quality?.packets_sent ?? 0);
  const told = `${pauses / 8} ms of pauses, ${notSent} frames not sent, this process stood still for ${stoodStillMs} ms`;
  assert.ok(pauses === 0 || (stoodStillMs > 50 && pauses <= 160 * (notSent + 2)), told);
}

const words = (recorded: Call): string[] => recorded.transcript.map((turn) => turn.text);

describe("a telephone", { skip, concurrency: false }, () => {
  for (const [name, trunk, phone] of [
    ["A-law over UDP", { codecs: ["pcma"] }, {}],
    ["mu-law over TCP", { codecs: ["pcmu"] }, { transport: "tcp" }],
    ["SRTP", { srtp: "require" }, { modules: ["srtp"], account: ";mediaenc=srtp-mand" }],
  ] as const) {
    const holds = async () => {
      const stalls = watchStalls();
      const talk = await call({ trunk, phone, agent: { max_call_duration_secs: 8 } });
      const recorded = await talk.subscriber.ended(talk.callId);
      const stalledMs = stalls();
      const stoodStillMs = Math.max(stalledMs, talk.phone.stoodStillMs());
      assert.equal(recorded.outcome, "completed", recorded.error ?? "");
      assert.equal(words(recorded)[0], GREETING);
      await talk.phone.event("CALL_CLOSED");
      assertHeard("the greeting at the telephone", greeting, await heardAtPhone(talk));

      const recording = await recordingOf(talk.subscriber, talk.callId);
      assert.equal(recording.sampleRate, 8_000);
      const [left = new Int16Array(), right = new Int16Array()] = recording.channels;
      assertRecorded(greeting, right, recorded, stalledMs);
      const lastedMs = (recorded.ended_at?.getTime() ?? 0) - (recorded.answered_at?.getTime() ?? 0);
      // Who stands still when the call ends does not count the frames of that time.
      assert.ok(Math.abs(left.length / 8 - lastedMs) < 500 + stoodStillMs, `${left.length / 8} ms are recorded of ${lastedMs}`);

      const { media_quality: quality } = recorded;
      const clear = quality?.packets_lost === 0 && quality.mos > 4;
      const fault = lacking(compareMoved(known, left), BUFFERED) ?? (clear ? undefined : JSON.stringify(quality));
      return { fault: fault && `what the telephone played, in the recording: ${fault}`, stoodStillMs };
    };
    test(`${name}: the telephone hears the greeting whole, and the recording holds both sides`, (t) => unlessDisturbed(t, holds));
  }

  test("keys pressed at the telephone arrive once each, and the one with an action ends the call", async () => {
    const talk = await call({ agent: { keypad_actions: { "9": { action: "hang_up" } } } });
    for (const key of "1230*#") {
      talk.phone.command("sndcode", key);
      await new Promise((resolve) => setTimeout(resolve, 250));
      talk.phone.command("sndcode", "\u0004");
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    const open = await talk.subscriber.becomes(talk.callId, "in_progress");
    assert.equal(open.status, "in_progress");
    talk.phone.command("sndcode", "9");
    const recorded = await talk.subscriber.ended(talk.callId);
    assert.equal(recorded.outcome, "completed");
    const pressed = recorded.transcript.filter((turn) => turn.role === "user").map((turn) => turn.text);
    assert.deepEqual(
      pressed,
      [..."1230*#9"].map((key) => `[pressed ${key}]`),
    );
    const closed = await talk.phone.event("CALL_CLOSED");
    assert.ok(closed);
  });

  test("the goodbye is heard to its last word, although telephones play what they hear a little later", async () => {
    const plays = join(folder, "answer.wav");
    writeWav(plays, Int16Array.from([...silence.subarray(0, greeting.length + 8_000), ...known.subarray(0, 16_000), ...silence]));
    const talk = await call({ phone: { plays } });
    const recorded = await talk.subscriber.ended(talk.callId);
    assert.equal(recorded.ended_by, "agent", JSON.stringify(recorded.transcript));
    await talk.phone.event("CALL_CLOSED");
    const goodbye = await spoken(words(recorded).at(-1) ?? "");
    assertHeard("the goodbye at the telephone", goodbye, await heardAtPhone(talk));
  });

  test("an agent that does not record leaves no recording", async () => {
    const talk = await call({ agent: { recording_enabled: false, max_call_duration_secs: 3 } });
    await talk.subscriber.ended(talk.callId);
    const { token } = await talk.subscriber.key("yappr");
    const asked = await fetch(`${line.world.app.url}/calls/${talk.callId}`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(((await asked.json()) as { recording_url: unknown }).recording_url, null);
  });

  test("the telephone hangs up while the agent speaks: the transcript has what was said", async () => {
    const long = Array.from({ length: 6 }, () => GREETING).join(" ");
    const talk = await call({ agent: { greeting_message: long } });
    const file = await until(() => talk.phone.heard()[0], { what: "what the telephone hears" });
    await until(() => statSync(file).size > 2 * 2 * 8_000, { what: "two seconds of sound", withinMs: 30_000 });
    talk.phone.command("hangup");
    const recorded = await talk.subscriber.ended(talk.callId);
    assert.equal(recorded.outcome, "completed");
    assert.equal(recorded.ended_by, "caller");
    const [turn] = recorded.transcript;
    const said = /^(.+) …$/.exec(turn?.text ?? "")?.[1];
    assert.ok(turn && said && said.length < long.length && long.startsWith(said), JSON.stringify(turn));
    assert.ok(turn.end - turn.start < (await spoken(long)).length / 8_000, JSON.stringify(turn));
  });
});
