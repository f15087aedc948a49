import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TransferResult } from "../../../src/carriers/carrier.ts";
import { type AgentChanges, withDefaults } from "../../../src/core/agents/settings.ts";
import { ConversationError, type ConversationSession } from "../../../src/engine/conversation.ts";
import { createConversation } from "../../../src/voice/createConversation.ts";
import { type Speech, SpeechError, type SpeechLine } from "../../../src/voice/speech/speech.ts";
import { sampleCall } from "../../engine/support.ts";
import { createVirtualClock, type VirtualClock } from "../../support/virtual-clock.ts";
import { createFakeMedia, type FakeMedia } from "./fake-media.ts";

/** A second of sound for each line, which tells by its samples which line it is. */
function createFakeSpeech({ seconds = 1, failAt, loudness = 1 }: { seconds?: number; failAt?: string; loudness?: number } = {}) {
  const lines: SpeechLine[] = [];
  const speech: Speech = {
    async *speak(line, signal) {
      lines.push(line);
      for (let piece = 0; piece < seconds * 4; piece++) {
        signal.throwIfAborted();
        if (line.text === failAt && piece === 2) throw new SpeechError("The speech service answered 500.");
        yield new Int16Array(2_000).fill(lines.length * loudness);
      }
    },
  };
  return { speech, lines };
}

interface Scene {
  clock: VirtualClock;
  media: FakeMedia;
  /** Breaks the call off. */
  hangUp(): void;
}

interface Options {
  agent?: AgentChanges;
  answeredBy?: ConversationSession["answeredBy"];
  speech?: ReturnType<typeof createFakeSpeech> | null;
  transfer?: (to: string, scene: Scene) => Promise<TransferResult>;
  /** What happens at which millisecond after the answer. */
  events?: Record<number, (scene: Scene) => void>;
}

async function talk({ agent = {}, answeredBy = "human", speech = createFakeSpeech(), transfer, events = {} }: Options = {}) {
  const clock = createVirtualClock();
  const start = clock.now().getTime();
  const sinceStart = (date: Date) => date.getTime() - start;
  const over = new AbortController();
  const media = createFakeMedia(clock);
  const scene: Scene = { clock, media, hangUp: () => over.abort(new Error("over")) };
  const said: string[] = [];
  const pressed: string[] = [];
  const times: Array<[number, number]> = [];
  const transfers: Array<[string, number]> = [];
  const scheduled = Object.entries(events).map(([ms, happen]) =>
    clock.sleep(Number(ms), over.signal).then(
      () => happen(scene),
      () => undefined,
    ),
  );
  const session: ConversationSession = {
    call: sampleCall({ variables: { LeadName: "David" } }),
    agent: withDefaults({
      name: "Noa",
      system_prompt: "Be kind.",
      language: "en",
      greeting_message: "Hello {{LeadName}}, how are you today?",
      silence_timeout_secs: 10,
      ...agent,
    }),
    timeZone: "Asia/Jerusalem",
    media,
    answeredBy,
    clock,
    signal: over.signal,
    async transfer(to) {
      transfers.push([to, sinceStart(clock.now())]);
      return transfer ? transfer(to, scene) : { accepted: false, detail: "603 Decline" };
    },
    said(role, text, startedAt, endedAt) {
      if (role === "user") {
        pressed.push(text);
        return;
      }
      said.push(`${role}: ${text}`);
      times.push([sinceStart(startedAt), sinceStart(endedAt)]);
    },
  };
  try {
    const end = await createConversation({ speech: speech?.speech }).talk(session);
    return { end, said, pressed, times, transfers, media, lines: speech?.lines ?? [], ms: sinceStart(clock.now()) };
  } finally {
    assert.equal(media.listeners, 0, "something listens on");
    over.abort();
    media.end();
    await Promise.all(scheduled);
    assert.equal(clock.sleeping, 0, "a timer is left");
  }
}

const GREETING = "agent: Hello David, how are you today?";
const RECORDED =
  "agent: Thank you. I am an automated assistant and cannot answer that myself, but your message has been recorded. Goodbye.";
const CONNECTING = "agent: One moment, I am connecting you.";
const nearly = (value: number | undefined, expected: number, by = 100) =>
  assert.ok(value !== undefined && Math.abs(value - expected) <= by, `${value} is not about ${expected}`);

describe("the telephone conversation", () => {
  test("greets with its variables filled in, takes a message until they stop, thanks, and says goodbye", async () => {
    const { end, said, times, media, lines } = await talk({ events: { 2000: ({ media }) => media.speak(3_000) } });
    assert.equal(end, "finished");
    assert.deepEqual(said, [GREETING, RECORDED]);
    assert.deepEqual(lines[0], { text: "Hello David, how are you today?", language: "en", voice: "Rachel" });
    nearly(times[0]?.[0], 0, 0);
    nearly(times[0]?.[1], 1_000, 40);
    // Spoke from 2 to 5 seconds; two seconds of quiet are an end.
    nearly(times[1]?.[0], 7_000, 150);
    const heard = media.said.flatMap((frame) => [...frame]);
    assert.equal(heard.filter((sample) => sample === 1).length, 8_000, "the greeting was not said whole");
    assert.equal(heard.filter((sample) => sample === 2).length, 8_000);
  });

  test("short pauses do not end a message", async () => {
    const { said, times } = await talk({
      events: { 2000: ({ media }) => media.speak(1_000), 4300: ({ media }) => media.speak(1_000), 6800: ({ media }) => media.speak(1_000) },
    });
    assert.equal(said.length, 2);
    nearly(times[1]?.[0], 9_800, 150);
  });

  test("does not say that it recorded what it did not", async () => {
    const { said } = await talk({ agent: { recording_enabled: false }, events: { 2000: ({ media }) => media.speak(1_000) } });
    assert.equal(said[1], "agent: Thank you. I am an automated assistant and cannot answer that myself. Goodbye.");
  });

  test("speaks Hebrew when the agent does, with its voice", async () => {
    const { said, lines } = await talk({
      agent: { language: "he", voice: "Yonatan", greeting_message: "שלום {{LeadName}}" },
      events: { 2000: ({ media }) => media.speak(1_000) },
    });
    assert.equal(said[0], "agent: שלום David");
    assert.match(said[1] ?? "", /הוקלטה.*להתראות/);
    assert.deepEqual(
      lines.map(({ language, voice }) => [language, voice]),
      [
        ["he", "Yonatan"],
        ["he", "Yonatan"],
      ],
    );
  });

  test("has a greeting of its own when the agent's leaves nothing to say", async () => {
    for (const greeting_message of [null, " {{Missing}} "]) {
      assert.equal((await talk({ agent: { greeting_message } })).said[0], "agent: Hello, this is an automated assistant.");
    }
  });

  test("ends after the silence timeout, counted from the end of the greeting (yappr 4.1)", async () => {
    const { end, said, ms } = await talk({ agent: { silence_timeout_secs: 15 } });
    assert.equal(end, "silent");
    assert.deepEqual(said, [GREETING]);
    nearly(ms, 16_000);
  });

  test("noise of the line is nobody speaking", async () => {
    const { end, ms } = await talk({ events: { 0: ({ media }) => media.noise(60) } });
    assert.equal(end, "silent");
    nearly(ms, 11_000);
  });

  for (const delayMs of [20, 100, 200, 360]) {
    test(`the agent's own echo after ${delayMs} ms is nobody speaking`, async () => {
      const { end, ms } = await talk({
        speech: createFakeSpeech({ loudness: 6_000 }),
        events: { 0: ({ media }) => media.echo(delayMs, 0.2) },
      });
      assert.equal(end, "silent");
      nearly(ms, 11_000);
    });
  }

  test("a hello into the greeting is no message; who answers right after it, or speaks on, is heard", async () => {
    const loud = { loudness: 6_000 };
    const hello = await talk({ speech: createFakeSpeech(loud), events: { 300: ({ media }) => media.speak(650) } });
    assert.deepEqual([hello.end, hello.media.clears], ["silent", 0]);
    for (const [from, ms] of [
      [1_100, 400],
      [500, 1_000],
    ] as const) {
      const { end, said } = await talk({ speech: createFakeSpeech(loud), events: { [from]: ({ media }) => media.speak(ms) } });
      assert.deepEqual([end, said], ["finished", [GREETING, RECORDED]], `from ${from} for ${ms} ms`);
    }
  });

  test("the line stays open for a moment after the goodbye, and a key still works in it", async () => {
    const events = { 2000: ({ media }: Scene) => media.speak(1_000) };
    const { end, times, ms } = await talk({ events });
    assert.equal(end, "finished");
    nearly(ms - (times[1]?.[1] ?? 0), 300, 20);
    const pressed = await talk({
      agent: { keypad_actions: { "9": { action: "hang_up" } } },
      events: { ...events, [ms - 100]: ({ media }) => media.press("9") },
    });
    assert.deepEqual([pressed.end, pressed.said], ["key", [GREETING, RECORDED]]);
  });

  test("a greeting that its variables make endless is spoken for some minutes of it", async () => {
    const { lines, said } = await talk({
      agent: { greeting_message: "{{LeadName}} {{LeadName}}".repeat(2_000) },
      speech: createFakeSpeech(),
    });
    const [line = ""] = lines.map(({ text }) => text);
    assert.ok(line.length > 4_000 && line.length <= 5_000, `${line.length} characters`);
    assert.equal(said[0], `agent: ${line}`);
  });

  test("who never stops is interrupted after max_continuous_speech_secs (yappr 4.1)", async () => {
    const endless = { 2000: ({ media }: Scene) => media.speak(10 * 60_000, 4_000) };
    // A tone without a pause would soon count as noise; syllables do not.
    const syllables = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [2_000 + index * 300, ({ media }: Scene) => media.speak(200)]),
    );
    const { end, times } = await talk({ agent: { max_continuous_speech_secs: 20 }, events: { ...endless, ...syllables } });
    assert.equal(end, "finished");
    nearly(times[1]?.[0], 22_200, 300);
  });

  test("agent_speaks_first off: waits for their hello to end, then greets", async () => {
    const { end, said, times } = await talk({
      agent: { agent_speaks_first: false },
      events: { 1000: ({ media }) => media.speak(800), 6000: ({ media }) => media.speak(1_000) },
    });
    assert.equal(end, "finished");
    assert.deepEqual(said, [GREETING, RECORDED]);
    nearly(times[0]?.[0], 2_400, 150);
  });

  test("agent_speaks_first off and nobody speaks: says nothing", async () => {
    const { end, said, ms } = await talk({ agent: { agent_speaks_first: false } });
    assert.equal(end, "silent");
    assert.deepEqual(said, []);
    nearly(ms, 10_000);
  });

  test("says nothing to a machine", async () => {
    const { end, said, lines } = await talk({ answeredBy: "machine" });
    assert.deepEqual([end, said, lines.length], ["voicemail", [], 0]);
  });

  test("a long line is given to the media bit by bit, and said without a gap", async () => {
    const { media, times } = await talk({ speech: createFakeSpeech({ seconds: 60 }) });
    assert.ok(media.mostWaiting <= 6 * 8_000, `${media.mostWaiting} samples waited`);
    assert.equal(
      media.said.slice(0, 3_000).every((frame) => frame[0] === 1),
      true,
      "there is a gap",
    );
    nearly(times[0]?.[1], 60_000);
  });
});

describe("keys on the telephone", () => {
  const keypad_actions = {
    "9": { action: "hang_up" },
    "0": { action: "transfer", to: "+972501112222" },
    "1": { action: "transfer", to: "+972503334444" },
  } as const;

  test("hang_up ends the call at once, and the greeting is written down as far as it was said", async () => {
    const { end, said, times, media, ms } = await talk({ agent: { keypad_actions }, events: { 500: ({ media }) => media.press("9") } });
    assert.equal(end, "key");
    assert.deepEqual(said, ["agent: Hello David, …"]);
    assert.deepEqual(times[0], [0, 500]);
    assert.equal(media.clears, 1);
    nearly(ms, 500, 20);
  });

  test("what was said of a line without spaces is written down as well", async () => {
    const greeting_message = "您好，这里是诊所，我们打电话通知您预约时间。";
    const { said } = await talk({ agent: { keypad_actions, greeting_message }, events: { 500: ({ media }) => media.press("9") } });
    assert.equal(said.length, 1);
    const [heard = ""] = said.map((line) => line.slice("agent: ".length));
    assert.match(heard, /^您好，这里.* …$/);
    assert.ok(greeting_message.startsWith(heard.slice(0, -2)) && heard.length < 15, heard);
  });

  test("before anything was said, nothing is written down", async () => {
    const { end, said } = await talk({ agent: { keypad_actions }, events: { 20: ({ media }) => media.press("9") } });
    assert.deepEqual([end, said], ["key", []]);
  });

  for (const [when, at] of [
    ["while it waits for a message", 3_000],
    ["while they speak", 4_500],
    ["during the goodbye", 7_300],
  ] as const) {
    test(`hang_up works ${when}`, async () => {
      const { end, ms } = await talk({
        agent: { keypad_actions },
        events: { 4000: ({ media }) => media.speak(1_000), [at]: ({ media }) => media.press("9") },
      });
      assert.equal(end, "key");
      nearly(ms, at, 20);
    });
  }

  test("keys without an action do nothing but stand in the transcript", async () => {
    const press =
      (digit: string) =>
      ({ media }: Scene) =>
        media.press(digit);
    const { end, said, pressed, media } = await talk({
      agent: { keypad_actions },
      events: { 200: press("5"), 300: press("#"), 400: press("A"), 2000: ({ media }) => media.speak(1_000) },
    });
    assert.deepEqual(pressed, ["[pressed 5]", "[pressed #]", "[pressed A]"]);
    assert.deepEqual([end, said, media.clears], ["finished", [GREETING, RECORDED], 0]);
  });

  test("transfer says so, waits till it is said, and the call ends with it", async () => {
    const { said, transfers, times } = await talk({
      agent: { keypad_actions },
      events: { 500: ({ media }) => media.press("0") },
      transfer: async (_to, { hangUp, clock }) => {
        void clock.sleep(2_000).then(hangUp);
        return { accepted: true };
      },
    });
    assert.deepEqual(said, ["agent: Hello David, …", CONNECTING]);
    nearly(times[1]?.[1], 1_500, 40);
    assert.equal(transfers.length, 1);
    assert.equal(transfers[0]?.[0], "+972501112222");
    nearly(transfers[0]?.[1], times[1]?.[1] ?? 0, 20);
  });

  test("the talk outlives an accepted transfer until the call is over, so that is the call's reason", async () => {
    let endedAfter = 0;
    const { ms } = await talk({
      agent: { keypad_actions },
      events: { 500: ({ media }) => media.press("0") },
      transfer: async (_to, { hangUp, clock }) => {
        void clock.sleep(5_000).then(() => {
          endedAfter = clock.now().getTime();
          hangUp();
        });
        return { accepted: true };
      },
    });
    assert.ok(endedAfter > 0);
    nearly(ms, 6_500, 60);
  });

  test("refused: says so and takes a message all the same; it can be tried again", async () => {
    const { end, said, transfers } = await talk({
      agent: { keypad_actions },
      events: { 500: ({ media }) => media.press("0"), 4000: ({ media }) => media.press("1"), 8000: ({ media }) => media.speak(1_000) },
    });
    const refusedLine = "agent: I am sorry, I could not connect you.";
    assert.equal(end, "finished");
    assert.deepEqual(said, ["agent: Hello David, …", CONNECTING, refusedLine, CONNECTING, refusedLine, RECORDED]);
    assert.deepEqual(
      transfers.map(([to]) => to),
      ["+972501112222", "+972503334444"],
    );
  });

  test("while it is announced, hang_up still hangs up, and pressing on changes nothing", async () => {
    const { end, transfers } = await talk({
      agent: { keypad_actions },
      events: {
        500: ({ media }) => media.press("0"),
        700: ({ media }) => media.press("0"),
        800: ({ media }) => media.press("1"),
        1200: ({ media }) => media.press("9"),
      },
    });
    assert.deepEqual([end, transfers], ["key", []]);
    const twice = await talk({
      agent: { keypad_actions },
      events: { 500: ({ media }) => media.press("0"), 700: ({ media }) => media.press("1") },
    });
    assert.deepEqual(
      twice.transfers.map(([to]) => to),
      ["+972501112222"],
    );
    nearly(twice.transfers[0]?.[1], 1_500, 60);
  });

  test("two keys at one moment: the first counts", async () => {
    const { end, transfers } = await talk({
      agent: { keypad_actions },
      events: {
        500: ({ media }) => {
          media.press("9");
          media.press("0");
        },
      },
    });
    assert.deepEqual([end, transfers], ["key", []]);
  });
});

describe("a telephone conversation that breaks off", () => {
  for (const at of [10, 500, 3_000, 4_500, 7_500]) {
    test(`the call is over after ${at} ms: returns at once, keeps what was said, and leaves nothing behind`, async () => {
      const { said, ms, media } = await talk({
        events: {
          4000: ({ media }) => media.speak(1_000),
          [at]: ({ media, hangUp }) => {
            media.end();
            hangUp();
          },
        },
      });
      nearly(ms, at, 20);
      assert.equal(said.length, at < 100 ? 0 : at < 7_000 ? 1 : 2);
      if (at === 500) assert.deepEqual(said, ["agent: Hello David, …"]);
      assert.equal(media.position().waitingSamples, 0);
    });
  }

  test("no text to speech: the error of the call says what to do", async () => {
    await assert.rejects(talk({ speech: null }), (error: unknown) => {
      assert.ok(error instanceof ConversationError);
      assert.equal(error.message, "No text to speech is configured: install espeak-ng or set TTS_URL.");
      return true;
    });
  });

  test("speech that fails in the middle of a line or of the call: the error of the call says why", async () => {
    for (const failAt of ["Hello David, how are you today?", RECORDED.slice("agent: ".length)]) {
      const failing = talk({ speech: createFakeSpeech({ failAt }), events: { 2000: ({ media }) => media.speak(1_000) } });
      await assert.rejects(failing, (error: unknown) => {
        assert.ok(error instanceof ConversationError);
        assert.equal(error.message, "The agent cannot speak. The speech service answered 500.");
        return true;
      });
    }
  });
});
