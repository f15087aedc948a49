import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TextMedia } from "../../src/carriers/carrier.ts";
import { type AgentChanges, withDefaults } from "../../src/core/agents/settings.ts";
import type { ConversationSession } from "../../src/engine/conversation.ts";
import { builtInConversation } from "../../src/voice/built-in-conversation.ts";
import { sampleCall } from "../engine/support.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

const LINE_MS = 1_000;

/** Talks with a person who says these lines, one second each, and then nothing. */
async function talk(
  lines: string[],
  options: { agent?: AgentChanges; answeredBy?: ConversationSession["answeredBy"]; breakOffAfterMs?: number } = {},
) {
  const clock = createVirtualClock();
  const start = clock.now().getTime();
  const over = new AbortController();
  const left = [...lines];
  const said: string[] = [];
  const times: number[] = [];
  const wait = (signal: AbortSignal) =>
    clock.sleep(LINE_MS, signal).then(
      () => true,
      () => false,
    );
  const media: TextMedia = {
    kind: "text",
    say: async () => void (await wait(over.signal)),
    async hear(signal) {
      const text = left.shift();
      const startedAt = clock.now();
      if (text !== undefined && (await wait(signal))) return { text, startedAt, endedAt: clock.now() };
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
      return undefined;
    },
  };
  const session: ConversationSession = {
    call: sampleCall({ to_number: "+972501234567", variables: { LeadName: "David" } }),
    agent: withDefaults({
      name: "Noa",
      system_prompt: "Be kind.",
      language: "en",
      greeting_message: "Hello {{LeadName}}!",
      agent_speaks_first: true,
      silence_timeout_secs: 60,
      ...options.agent,
    }),
    timeZone: "Asia/Jerusalem",
    media,
    answeredBy: options.answeredBy ?? "human",
    clock,
    signal: over.signal,
    transfer: async () => ({ accepted: false, detail: "not here" }),
    said(role, text, startedAt, endedAt) {
      said.push(`${role}: ${text}`);
      times.push(startedAt.getTime() - start, endedAt.getTime() - start);
    },
  };
  if (options.breakOffAfterMs) void clock.sleep(options.breakOffAfterMs).then(() => over.abort());
  const end = await builtInConversation.talk(session);
  return { end, said, times, seconds: (clock.now().getTime() - start) / 1000, clock };
}

describe("the built-in conversation", () => {
  test("greets with its variables filled in, takes a message honestly, and says goodbye", async () => {
    const { end, said, times, clock } = await talk(["How much is it?", "No, thanks."]);
    assert.equal(end, "finished");
    assert.deepEqual(said, [
      "agent: Hello David!",
      "user: How much is it?",
      "agent: Thank you. I am an automated assistant and cannot answer that myself, but I will pass your message on. Is there anything you would like to add?",
      "user: No, thanks.",
      "agent: Thank you, I will pass that on. Goodbye.",
    ]);
    assert.deepEqual(
      times,
      [0, 1, 1, 2, 2, 3, 3, 4, 4, 5].map((second) => second * LINE_MS),
    );
    assert.equal(clock.sleeping, 0, "a timer is left");
  });

  test("speaks Hebrew when the agent does", async () => {
    const { said } = await talk(["כמה זה עולה?", "לא, תודה."], { agent: { language: "he", greeting_message: "שלום {{LeadName}}" } });
    assert.equal(said[0], "agent: שלום David");
    assert.match(said[2] ?? "", /עוזר אוטומטי/);
    assert.match(said[4] ?? "", /להתראות/);
  });

  test("has a greeting of its own when the agent has none, or an empty one", async () => {
    for (const greeting_message of [null, "", "  {{Missing}} "]) {
      const { said } = await talk(["Hi", "Bye"], { agent: { greeting_message } });
      assert.equal(said[0], "agent: Hello, this is an automated assistant.");
    }
  });

  test("waits for the other party when the agent does not speak first", async () => {
    const { end, said } = await talk(["Hello?", "How much is it?", "No."], { agent: { agent_speaks_first: false } });
    assert.equal(end, "finished");
    assert.deepEqual(said.slice(0, 2), ["user: Hello?", "agent: Hello David!"]);
  });

  test("ends after the silence timeout when nobody says anything (yappr 4.1)", async () => {
    const { end, said, seconds, clock } = await talk([], { agent: { silence_timeout_secs: 15 } });
    assert.equal(end, "silent");
    assert.deepEqual(said, ["agent: Hello David!"]);
    assert.equal(seconds, 16);
    assert.equal(clock.sleeping, 0);
  });

  test("the silence timeout starts anew after each thing said", async () => {
    const { end, seconds } = await talk(["How much is it?"], { agent: { silence_timeout_secs: 15 } });
    assert.equal(end, "silent");
    assert.equal(seconds, 18);
  });

  test("says nothing to a machine", async () => {
    const { end, said } = await talk([], { answeredBy: "machine" });
    assert.equal(end, "voicemail");
    assert.deepEqual(said, []);
  });

  test("returns at once when the call is over, and keeps what was said", async () => {
    const { said, seconds, clock } = await talk(["How much is it?"], { breakOffAfterMs: 10_000 });
    assert.equal(said.length, 3);
    assert.equal(seconds, 10);
    assert.equal(clock.sleeping, 0);
  });
});
