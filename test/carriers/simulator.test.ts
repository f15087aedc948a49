import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Leg, LegEnd, TextMedia } from "../../src/carriers/carrier.ts";
import { createSimulator } from "../../src/carriers/simulator/simulator.ts";
import { newId } from "../../src/platform/ids.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";

interface Told {
  events: string[];
  end: Promise<LegEnd>;
  media: Promise<TextMedia>;
  leg: Leg;
}

function dial(
  to: string,
  options: { speed?: number; callId?: string; ringTimeoutSeconds?: number; clock?: ReturnType<typeof createVirtualClock> } = {},
): Told {
  const { speed = 1, callId = newId(), ringTimeoutSeconds = 30, clock = createVirtualClock() } = options;
  const events: string[] = [];
  const end = Promise.withResolvers<LegEnd>();
  const media = Promise.withResolvers<TextMedia>();
  const leg = createSimulator({ clock, speed, seed: "test" }).dial(
    { callId, trunkId: null, from: "+972551234567", to, ringTimeoutSeconds },
    {
      ringing: () => events.push("ringing"),
      answered: (text, by) => {
        assert.ok(text.kind === "text");
        events.push(`answered by ${by}`);
        media.resolve(text);
      },
      ended: (ended) => {
        events.push(ended.cause);
        end.resolve(ended);
      },
    },
  );
  return { events, end: end.promise, media: media.promise, leg };
}

/** What the other party says to an agent who says the same again and again. */
async function listenTo(to: string, callId: string): Promise<string[]> {
  const { media, leg } = dial(to, { speed: 0, callId });
  const text = await media;
  const heard: string[] = [];
  for (let turn = 0; turn < 2; turn++) {
    await text.say("Please go on.");
    heard.push((await text.hear(AbortSignal.timeout(1_000)))?.text ?? "(nothing)");
  }
  leg.hangup();
  return heard;
}

describe("the last four digits choose the outcome", () => {
  const outcomes: Array<[digits: string, events: string[]]> = [
    ["0001", ["ringing", "no_answer"]],
    ["0002", ["busy"]],
    ["0003", ["ringing", "declined"]],
    ["0005", ["unreachable"]],
  ];
  for (const [digits, events] of outcomes) {
    test(`${digits}: ${events.join(", ")}`, async () => {
      const told = dial(`+97250123${digits}`);
      await told.end;
      assert.deepEqual(told.events, events);
    });
  }

  test("0004: a machine answers, says its text once and then only records", async () => {
    const told = dial("+972501230004");
    const media = await told.media;
    assert.equal((await media.hear(new AbortController().signal))?.text, "Please leave a message after the tone.");
    await media.say("Hello?");
    told.leg.hangup();
    await told.end;
    assert.deepEqual(told.events, ["ringing", "answered by machine", "hangup_local"]);
  });

  test("0006: a person answers, says something, and the connection is lost", async () => {
    const told = dial("+972501230006");
    const media = await told.media;
    await media.say("Hello");
    assert.ok(await media.hear(new AbortController().signal));
    await media.say("I see.");
    assert.equal(await media.hear(new AbortController().signal), undefined);
    assert.deepEqual(told.events, ["ringing", "answered by human", "lost"]);
  });

  test("every other number is answered by a person, the documents' examples included", async () => {
    for (const to of ["+972501234567", "+972551234567", "+14155551234", "+972501230000", "+972501230007"]) {
      const told = dial(to);
      await told.media;
      assert.deepEqual(told.events, ["ringing", "answered by human"], to);
      told.leg.hangup();
    }
  });
});

describe("the person on the phone", () => {
  test("speaks Hebrew on an Israeli number and English elsewhere", async () => {
    for (const line of await listenTo("+972501234567", newId())) assert.match(line, /[\u0590-\u05ff]/);
    for (const line of await listenTo("+14155551234", newId())) assert.match(line, /^[\x20-\x7e]+$/);
  });

  test("says the same in the same call, whenever it is played", async () => {
    const callId = newId();
    assert.deepEqual(await listenTo("+14155551234", callId), await listenTo("+14155551234", callId));
    const others = await Promise.all(Array.from({ length: 20 }, () => listenTo("+14155551234", newId())));
    assert.ok(new Set(others.map(String)).size > 1, "every call says the same");
  });

  test("speaks first when the agent does not", async () => {
    const told = dial("+14155551234");
    assert.match((await (await told.media).hear(new AbortController().signal))?.text ?? "", /^(Hello\?|Hi, who is this\?)$/);
    told.leg.hangup();
  });

  test("some hang up while the agent says goodbye, others leave that to the agent", async () => {
    const ends = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const told = dial("+14155551234");
        const media = await told.media;
        for (const line of ["Hello", "And?"]) {
          await media.say(line);
          await media.hear(new AbortController().signal);
        }
        await media.say("Goodbye");
        told.leg.hangup();
        return (await told.end).cause;
      }),
    );
    assert.deepEqual([...new Set(ends)].sort(), ["hangup", "hangup_local"]);
  });
});

describe("a leg", () => {
  test("tells nothing before dial has returned", () => {
    const told = dial("+972501230002", { speed: 0 });
    assert.deepEqual(told.events, []);
  });

  test("ends exactly once and last, in whatever state it is hung up", async () => {
    for (const [afterTurns, cause] of [
      [0, "canceled"],
      [1, "canceled"],
      [50, "hangup_local"],
    ] as const) {
      const clock = createVirtualClock();
      const told = dial("+972501234567", { clock });
      for (let turn = 0; turn < afterTurns; turn++) await new Promise(setImmediate);
      told.leg.hangup();
      told.leg.hangup();
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      assert.equal(told.events.at(-1), cause);
      assert.equal(told.events.filter((event) => event === cause).length, 1);
      assert.equal(clock.sleeping, 0, "something still waits");
    }
  });

  test("over, it takes nothing more in and gives nothing more out", async () => {
    const told = dial("+972501234567");
    const media = await told.media;
    told.leg.hangup();
    await media.say("Is anybody there?");
    assert.equal(await media.hear(new AbortController().signal), undefined);
  });

  test("hearing stops when it is told to", async () => {
    const clock = createVirtualClock();
    const told = dial("+972501230004", { clock });
    const media = await told.media;
    await media.say("Hello");
    const until = new AbortController();
    const hearing = media.hear(until.signal);
    until.abort();
    assert.equal(await hearing, undefined);
    assert.deepEqual(told.events, ["ringing", "answered by machine"]);
    assert.equal(clock.sleeping, 0);
    told.leg.hangup();
  });

  test("gives up when the ring timeout is over", async () => {
    const clock = createVirtualClock();
    const start = clock.now().getTime();
    await dial("+972501230001", { clock, ringTimeoutSeconds: 3 }).end;
    const seconds = (clock.now().getTime() - start) / 1000;
    assert.ok(seconds >= 3 && seconds < 4, `${seconds}`);
  });
});

test("time: a few seconds at speed 1, a tenth of it at speed 10, none at speed 0", async () => {
  const durations = new Map<number, number>();
  for (const speed of [1, 10, 0]) {
    const clock = createVirtualClock();
    const start = clock.now().getTime();
    const told = dial("+972501234567", { clock, speed, callId: "01a1f96c-3977-70cc-9b00-cbb264280a07" });
    const media = await told.media;
    await media.say("Hello, this is Noa.");
    await media.hear(new AbortController().signal);
    told.leg.hangup();
    durations.set(speed, clock.now().getTime() - start);
  }
  const full = durations.get(1) ?? 0;
  assert.ok(full > 1_000 && full < 10_000, `${full}`);
  assert.ok(Math.abs((durations.get(10) ?? 0) - full / 10) < 2);
  assert.equal(durations.get(0), 0);
});
