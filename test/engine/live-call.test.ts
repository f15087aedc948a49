import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { AudioMedia, Carrier, LegEnd, LegHandler, TransferResult } from "../../src/carriers/carrier.ts";
import type { MediaQuality } from "../../src/core/calls/call.ts";
import { type Conversation, ConversationError } from "../../src/engine/conversation.ts";
import type { Recorder } from "../../src/engine/recorder.ts";
import { startVoiceNode, type VoiceNodeOptions } from "../../src/engine/voice-node.ts";
import { createLog } from "../../src/platform/log.ts";
import { until } from "../support/until.ts";
import { startWorld } from "../support/world.ts";
import { allEnded, callingTenant } from "./support.ts";
import { numberOn, testTrunk } from "./trunks.ts";

const world = await startWorld();
const { house } = world;
const { pool } = house.db;

const audio: AudioMedia = {
  kind: "audio",
  onFrame: () => () => undefined,
  onDigit: () => () => undefined,
  play: () => undefined,
  clear: () => undefined,
  drained: async () => undefined,
  position: () => ({ playedSamples: 0, waitingSamples: 0 }),
  sendDigits: async () => undefined,
};

const QUALITY: MediaQuality = {
  codec: "PCMU",
  packets_sent: 500,
  packets_received: 499,
  packets_lost: 1,
  jitter_ms: 2.5,
  remote_packets_lost: null,
  remote_jitter_ms: null,
  round_trip_ms: 40,
  mos: 4.3,
};

type Leg = { end(end: LegEnd): void; hungUp: boolean };

/** One call after another as `script` has it, which is asked when a number is dialled. */
function scripted(
  script: (handler: LegHandler, leg: Leg) => void,
  transfer: (leg: Leg, to: string) => Promise<TransferResult> = async () => ({ accepted: false, detail: "403 Forbidden" }),
): Carrier {
  return {
    dial(_request, handler) {
      let over = false;
      const leg: Leg = {
        hungUp: false,
        end(end) {
          if (over) return;
          over = true;
          handler.ended(end);
        },
      };
      queueMicrotask(() => script(handler, leg));
      return {
        hangup() {
          leg.hungUp = true;
          leg.end({ cause: "hangup_local", sip: { status: 200, reason: "OK", q850: null }, quality: QUALITY });
        },
        transfer: (to) => transfer(leg, to),
      };
    },
  };
}

const untilHungUp: Conversation = {
  talk: ({ signal }) =>
    new Promise((resolve) => {
      if (signal.aborted) resolve("finished");
      signal.addEventListener("abort", () => resolve("finished"), { once: true });
    }),
};

/** Places one call, lets a node carry it to its end, and returns its row. */
async function carry(options: Partial<VoiceNodeOptions> & Pick<VoiceNodeOptions, "carrier">, agent: { recording_enabled?: boolean } = {}) {
  const tenant = await callingTenant(world, { agent });
  await tenant.place("+14155550010");
  const node = await startVoiceNode({
    house,
    conversation: untilHungUp,
    listener: { on: () => undefined },
    log: createLog("silent"),
    ...options,
  });
  try {
    const [call] = await allEnded(tenant);
    assert.ok(call);
    return call;
  } finally {
    await node.close();
  }
}

describe("what a call met", () => {
  test("rang, was answered, was hung up by us: times, SIP, Q.850 and the line's quality are kept", async () => {
    const call = await carry({
      carrier: scripted((handler) => {
        handler.ringing();
        handler.answered(audio, "unknown");
      }),
      conversation: { talk: async () => "key" },
    });
    assert.partialDeepStrictEqual(call, {
      outcome: "completed",
      ended_by: "caller",
      sip_status: 200,
      sip_reason: "OK",
      q850_cause: null,
      media_quality: QUALITY,
      transferred_at: null,
      transfer_target: null,
      error: null,
    });
    assert.ok(call.rang_at && call.answered_at && call.rang_at <= call.answered_at);
  });

  const ends: Array<[end: LegEnd, expected: [outcome: string, endedBy: string, reason: string, error: string | null]]> = [
    [{ cause: "busy", detail: "486 Busy Here", sip: { status: 486, reason: "Busy Here", q850: 17 } }, ["busy", "system", "Busy", null]],
    [{ cause: "declined", sip: { status: 603, reason: "Decline", q850: 21 } }, ["declined", "caller", "Call rejected", null]],
    [{ cause: "no_answer", sip: { status: 480, reason: "Unavailable", q850: 19 } }, ["no_answer", "system", "No answer", null]],
    [{ cause: "canceled", sip: { status: 487, reason: null, q850: null } }, ["canceled", "system", "Cancelled", null]],
    [
      { cause: "unreachable", detail: "404 Not Found", sip: { status: 404, reason: "Not Found", q850: 1 } },
      ["unreachable", "system", "Unreachable", "The number cannot be reached: 404 Not Found"],
    ],
    [
      { cause: "failed", detail: "udp:sip.example.com:5060 does not answer." },
      ["failed", "system", "Failed", "The carrier could not place the call: udp:sip.example.com:5060 does not answer."],
    ],
  ];
  for (const [end, [outcome, endedBy, reason, error]] of ends) {
    test(`unanswered, ${end.cause}: ${outcome}, ended by ${endedBy}, with what the network said`, async () => {
      const call = await carry({ carrier: scripted((_handler, leg) => leg.end(end)) });
      assert.deepEqual([call.outcome, call.ended_by, call.disconnect_reason, call.error], [outcome, endedBy, reason, error]);
      assert.deepEqual(
        [call.sip_status, call.sip_reason, call.q850_cause],
        [end.sip?.status ?? null, end.sip?.reason ?? null, end.sip?.q850 ?? null],
      );
      assert.equal(call.rang_at, null);
    });
  }

  test("what the line said of the operator's hosts is kept with the event, and not told to the tenant", async () => {
    const end: LegEnd = { cause: "failed", detail: "udp:sip.example.com:5060: tim\0ed out", told: "the gateway: timed out" };
    const call = await carry({ carrier: scripted((_handler, leg) => leg.end(end)) });
    assert.equal(call.error, "The carrier could not place the call: the gateway: timed out");
    const { rows } = await world.house.db.pool.query<{ payload: Record<string, unknown> }>(
      "select payload from events where workspace_id = $1 and subject_id = $2 and type = 'call.failed'",
      [call.workspace_id, call.id],
    );
    assert.deepEqual(
      rows.map(({ payload }) => [payload.line_detail, payload.error]),
      [["udp:sip.example.com:5060: timed out", call.error]],
    );
  });

  test("a carrier that breaks down while dialling fails the call and holds nothing", async () => {
    const call = await carry({
      carrier: {
        dial() {
          throw new Error("out of ports");
        },
      },
    });
    assert.deepEqual([call.outcome, call.error], ["failed", "The carrier could not place the call."]);
  });

  test("words that the database has no place for keep no call from its end", async () => {
    const carrier = scripted((_handler, leg) =>
      leg.end({ cause: "busy", detail: "486 Bu\0sy", sip: { status: 486, reason: "Bu\0sy \ud83d", q850: 17 } }),
    );
    const call = await carry({ carrier, conversation: untilHungUp });
    assert.deepEqual([call.outcome, call.sip_reason, call.q850_cause], ["busy", "Busy \ufffd", 17]);
  });

  test("a conversation that cannot be held says why", async () => {
    const carrier = scripted((handler) => handler.answered(audio, "unknown"));
    const talk = () => Promise.reject(new ConversationError("No voice can speak Klingon."));
    const call = await carry({ carrier, conversation: { talk } });
    assert.deepEqual([call.outcome, call.ended_by, call.error], ["failed", "system", "No voice can speak Klingon."]);
  });
});

describe("handing a call over", () => {
  const TO = "+14155550999";
  const transferring: Conversation = {
    async talk(session) {
      const result = await session.transfer(TO);
      return result.accepted ? untilHungUp.talk(session) : "finished";
    },
  };

  for (const [what, transfer] of [
    [
      "the leg's end comes after the answer",
      async (leg: Leg) => {
        setImmediate(() => leg.end({ cause: "transferred" }));
        return { accepted: true };
      },
    ],
    [
      "the leg's end comes before the answer",
      async (leg: Leg) => {
        leg.end({ cause: "transferred" });
        return { accepted: true };
      },
    ],
  ] as Array<[string, (leg: Leg) => Promise<TransferResult>]>) {
    test(`accepted: the call ends, with time and target, and is not hung up by us; ${what}`, async () => {
      let hungUp: boolean | undefined;
      const carrier = scripted(
        (handler) => handler.answered(audio, "unknown"),
        async (leg) => {
          const end = leg.end;
          leg.end = (how) => {
            hungUp ??= leg.hungUp;
            end(how);
          };
          return transfer(leg);
        },
      );
      const call = await carry({ carrier, conversation: transferring });
      assert.deepEqual(
        [call.outcome, call.ended_by, call.disconnect_reason, call.transfer_target],
        ["completed", "agent", "Transferred", TO],
      );
      assert.ok(call.transferred_at && call.ended_at);
      assert.equal(hungUp, false);
    });
  }

  test("refused: the call goes on, and nothing of it is written", async () => {
    const call = await carry({ carrier: scripted((handler) => handler.answered(audio, "unknown")), conversation: transferring });
    assert.deepEqual(
      [call.outcome, call.disconnect_reason, call.transferred_at, call.transfer_target],
      ["completed", "Completed", null, null],
    );
  });
});

describe("recording", () => {
  const answering = scripted((handler) => {
    handler.answered(audio, "unknown");
  });
  const talking: Conversation = { talk: async () => "finished" };

  test("is finished before the call's end is told", async () => {
    const finishing = Promise.withResolvers<void>();
    const recorded: string[] = [];
    const recorder: Recorder = {
      record(call) {
        recorded.push(call.id);
        return {
          async finish() {
            const { rows } = await pool.query("select status from calls where id = $1", [call.id]);
            recorded.push(rows[0].status);
            await finishing.promise;
            recorded.push("finished");
          },
        };
      },
    };
    const carrying = carry({ carrier: answering, conversation: talking, recorder });
    await until(() => recorded.length === 2, { what: "the recording's last moments" });
    finishing.resolve();
    const call = await carrying;
    assert.ok(recorded[1] !== "ended", "the end was told already");
    assert.deepEqual(recorded.toSpliced(1, 1), [call.id, "finished"]);
  });

  test("one that never gets finished does not keep the call from ending", async () => {
    const recorder: Recorder = { record: () => ({ finish: () => new Promise(() => undefined) }) };
    const call = await carry({ carrier: answering, conversation: talking, recorder });
    assert.equal(call.outcome, "completed");
  });

  test("one that is finished later than the call's end is told: a node that closes waits for it before it gives up", async () => {
    const finishing = Promise.withResolvers<void>();
    let abandon: AbortSignal | undefined;
    const recorder: Recorder = {
      record(_call, _media, _startedAt, signal) {
        abandon = signal;
        return { finish: () => finishing.promise };
      },
    };
    const tenant = await callingTenant(world);
    await tenant.place("+14155550010");
    const node = await startVoiceNode({
      house,
      carrier: answering,
      conversation: talking,
      recorder,
      listener: { on: () => undefined },
      log: createLog("silent"),
    });
    await allEnded(tenant);
    const closed = node.close();
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
    assert.equal(abandon?.aborted, false);
    finishing.resolve();
    await closed;
    assert.equal(abandon?.aborted, true);
  });

  test("an agent that does not record, and a call nobody answers, are not recorded", async () => {
    const recorder: Recorder = { record: () => assert.fail("it is recorded") };
    await carry({ carrier: answering, conversation: talking, recorder }, { recording_enabled: false });
    await carry({ carrier: scripted((_handler, leg) => leg.end({ cause: "busy" })), conversation: talking, recorder });
  });
});

test("the carrier is told the call's trunk, and is opened for a node that is registered", async () => {
  const [tenant, trunk] = [await callingTenant(world), await testTrunk(world, 1)];
  await tenant.place("+14155550010", { from: await numberOn(trunk, tenant) });
  await tenant.place("+14155550020");
  const trunks: Array<string | null> = [];
  let registered = 0;
  const node = await startVoiceNode({
    house,
    async carrier({ id }) {
      registered = (await pool.query("select from nodes where id = $1", [id])).rows.length;
      const busy = scripted((_handler, leg) => leg.end({ cause: "busy" }));
      return {
        dial(request, handler) {
          trunks.push(request.trunkId);
          return busy.dial(request, handler);
        },
      };
    },
    conversation: untilHungUp,
    listener: { on: () => undefined },
    log: createLog("silent"),
  });
  await allEnded(tenant);
  await node.close();
  assert.equal(registered, 1);
  assert.deepEqual(new Set(trunks), new Set([trunk.id, null]));
});

test("a node whose carrier cannot be opened does not start, and is not registered", async () => {
  let nodeId = "";
  const starting = startVoiceNode({
    house,
    carrier({ id }) {
      nodeId = id;
      throw new Error("the port is taken");
    },
    conversation: untilHungUp,
    listener: { on: () => undefined },
    log: createLog("silent"),
  });
  await assert.rejects(starting, /the port is taken/);
  assert.deepEqual((await pool.query("select from nodes where id = $1", [nodeId])).rows, []);
});
