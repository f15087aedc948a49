import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Carrier, LegHandler, TextMedia } from "../../src/carriers/carrier.ts";
import { createSimulator } from "../../src/carriers/simulator/simulator.ts";
import type { House } from "../../src/core/context.ts";
import { addDncEntry } from "../../src/core/do-not-call/addDncEntry.ts";
import { answerCalls } from "../../src/engine/answerCalls.ts";
import type { Conversation } from "../../src/engine/conversation.ts";
import { startVoiceNode, type VoiceNodeOptions } from "../../src/engine/voice-node.ts";
import { newId } from "../../src/platform/ids.ts";
import { createLog } from "../../src/platform/log.ts";
import { builtInConversation } from "../../src/voice/built-in-conversation.ts";
import { awake } from "../support/awake.ts";
import { until } from "../support/until.ts";
import { createVirtualClock } from "../support/virtual-clock.ts";
import { startWorld } from "../support/world.ts";
import { allEnded, callingTenant } from "./support.ts";

/** Each test starts its own node, so one test runs at a time. */
const world = await startWorld();
const { house } = world;
const { pool } = house.db;

interface Dialled {
  to: string;
  hungUp: boolean;
  handler: LegHandler;
  /** Ends the leg as the other side does. */
  end(cause: "hangup" | "lost"): void;
}

/** A carrier whose legs do what the test says; a leg that is hung up ends at once. */
function puppetCarrier(): { carrier: Carrier; dialled: Dialled[] } {
  const dialled: Dialled[] = [];
  const carrier: Carrier = {
    dial({ to }, handler) {
      let over = false;
      const end = (cause: "hangup" | "lost" | "hangup_local") => {
        if (over) return;
        over = true;
        handler.ended({ cause });
      };
      const one: Dialled = { to, hungUp: false, handler, end };
      dialled.push(one);
      return {
        hangup() {
          one.hungUp = true;
          end("hangup_local");
        },
        transfer: async () => ({ accepted: false, detail: "A puppet hands nobody over." }),
      };
    },
  };
  return { carrier, dialled };
}

const silentMedia: TextMedia = {
  kind: "text",
  say: async () => undefined,
  hear: (signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true })),
};

async function withNode<T>(
  options: Partial<VoiceNodeOptions>,
  work: (node: { id: string; close(): Promise<void>; wake(): void }) => Promise<T>,
): Promise<T> {
  const heard: Array<(payload: string) => void> = [];
  const node = await startVoiceNode({
    house,
    carrier: createSimulator({ clock: house.clock, speed: 0, seed: "test" }),
    conversation: builtInConversation,
    listener: { on: (_channel, listen) => heard.push(listen) },
    log: createLog("silent"),
    ...options,
  });
  try {
    const wake = () => {
      for (const listen of heard) listen("");
    };
    return await work({ ...node, wake });
  } finally {
    await node.close();
  }
}

describe("taking calls", () => {
  test("a number that was blocked after the admission is not dialled", async () => {
    const tenant = await callingTenant(world);
    const { carrier, dialled } = puppetCarrier();
    await tenant.place("+14155550010");
    await addDncEntry(tenant.ctx, { phone: "+14155550010", reason: "No", source: "api" });
    await withNode({ carrier }, () => allEnded(tenant));
    const [call] = await tenant.calls();
    assert.deepEqual([call?.outcome, call?.dnc_reason, call?.started_at], ["dnc_blocked", "No", null]);
    assert.deepEqual(dialled, []);
    const { rows } = await pool.query("select verdict from call_decisions where call_id = $1 order by id", [call?.id]);
    assert.deepEqual(rows, [{ verdict: "admitted" }, { verdict: "blocked" }]);
  });

  test("no more at once than the node can carry; the others follow as calls end", async () => {
    const tenant = await callingTenant(world);
    const { carrier, dialled } = puppetCarrier();
    for (let index = 0; index < 5; index++) await tenant.place(`+1415555001${index}`);
    await withNode({ carrier, maxCalls: 2 }, async (node) => {
      await until(() => dialled.length === 2, { what: "two legs" });
      node.wake();
      for (let ended = 0; ended < 5; ended++) {
        const leg = await until(() => dialled[ended], { what: "the next leg" });
        assert.ok(dialled.length <= ended + 2);
        leg.end("hangup");
      }
      await allEnded(tenant);
    });
    assert.equal(new Set(dialled.map(({ to }) => to)).size, 5);
  });

  test("a call is ringing in the store before its number is dialled", async () => {
    const tenant = await callingTenant(world);
    const seen: unknown[] = [];
    const { carrier, dialled } = puppetCarrier();
    const looking: Carrier = {
      dial(request, handler) {
        seen.push(pool.query("select status from calls where id = $1", [request.callId]).then(({ rows }) => rows[0].status));
        return carrier.dial(request, handler);
      },
    };
    await tenant.place("+14155550010");
    await withNode({ carrier: looking }, async () => {
      await until(() => dialled[0], { what: "the leg" });
      assert.deepEqual(await Promise.all(seen), ["ringing"]);
      dialled[0]?.end("hangup");
    });
  });
});

describe("ends", () => {
  test("the first to end a call counts", async () => {
    const tenant = await callingTenant(world);
    const { carrier, dialled } = puppetCarrier();
    await tenant.place("+14155550010");
    await withNode({ carrier }, async () => {
      const leg = await until(() => dialled[0], { what: "the leg" });
      leg.handler.answered(silentMedia, "human");
      leg.end("lost");
      await allEnded(tenant);
    });
    const [call] = await tenant.calls();
    assert.deepEqual([call?.outcome, call?.ended_by, call?.answered_by], ["failed", "unknown", "human"]);
    assert.ok(call?.answered_at && call.ended_at && call.answered_at <= call.ended_at);
  });

  test("at the agent's longest duration (yappr 4.1), by the house's clock, with what was said until then", async () => {
    const tenant = await callingTenant(world, { agent: { max_call_duration_secs: 90, silence_timeout_secs: 900 } });
    const clock = createVirtualClock(new Date());
    const { carrier, dialled } = puppetCarrier();
    await tenant.place("+14155550010");
    await withNode({ carrier, house: { ...house, clock } }, async () => {
      const leg = await until(() => dialled[0], { what: "the leg" });
      leg.handler.answered(silentMedia, "human");
      await allEnded(tenant);
      assert.ok(leg.hungUp);
    });
    const [call] = await tenant.calls();
    assert.deepEqual([call?.outcome, call?.ended_by, call?.disconnect_reason], ["completed", "system", "Max duration reached"]);
    assert.equal((call?.ended_at?.getTime() ?? 0) - (call?.answered_at?.getTime() ?? 0), 90_000);
    assert.deepEqual(call?.transcript, [{ role: "agent", text: "Hello !", start: 0, end: 0 }]);
    assert.equal(clock.sleeping, 0, "a timer is left");
  });

  test("after the silence timeout: ended by the system, Caller inactive (yappr 7.2)", async () => {
    const tenant = await callingTenant(world, { agent: { max_call_duration_secs: 0, silence_timeout_secs: 10 } });
    const clock = createVirtualClock(new Date());
    const { carrier, dialled } = puppetCarrier();
    await tenant.place("+14155550010");
    await withNode({ carrier, house: { ...house, clock } }, async () => {
      (await until(() => dialled[0], { what: "the leg" })).handler.answered(silentMedia, "human");
      await allEnded(tenant);
    });
    const [call] = await tenant.calls();
    assert.deepEqual([call?.outcome, call?.ended_by, call?.disconnect_reason], ["completed", "system", "Caller inactive"]);
  });

  test("a conversation that breaks down ends the call as failed", async () => {
    const tenant = await callingTenant(world);
    const conversation: Conversation = { talk: () => Promise.reject(new Error("no words")) };
    await tenant.place("+14155550010");
    await withNode({ conversation }, () => allEnded(tenant));
    const [call] = await tenant.calls();
    assert.deepEqual([call?.outcome, call?.ended_by, call?.error], ["failed", "system", "The conversation failed on our side."]);
  });

  test("an end that the database could not take is written when it is back", async () => {
    const tenant = await callingTenant(world);
    let away = 0;
    const db: House["db"] = {
      ...house.db,
      together: (run, item) => {
        if (away++ < 3) return Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
        return house.db.together(run, item);
      },
    };
    await tenant.place("+14155550010");
    await withNode({ house: { ...house, db } }, () => allEnded(tenant));
    assert.ok(away > 3);
    assert.equal((await tenant.calls())[0]?.outcome, "completed");
  });

  test("answer and end are written once when the database took them and its acknowledgement was lost; the call goes on meanwhile", async () => {
    const tenant = await callingTenant(world);
    const { carrier, dialled } = puppetCarrier();
    const written: unknown[] = [];
    const results: unknown[] = [];
    const db: House["db"] = {
      ...house.db,
      async together(run, item) {
        const result = await house.db.together(run, item);
        results.push(result);
        if (written.includes(item)) return result;
        written.push(item);
        throw Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
      },
    };
    const { call } = await tenant.place("+14155550010");
    await withNode({ carrier, house: { ...house, db } }, async () => {
      const leg = await until(() => dialled[0], { what: "the leg" });
      leg.handler.answered(silentMedia, "human");
      await until(() => results.length === 2, { what: "the second answer" });
      assert.deepEqual([results, leg.hungUp], [[true, true], false]);
      leg.end("hangup");
      await until(() => results.length === 4, { what: "the second end" });
    });
    const [row] = await tenant.calls();
    assert.deepEqual([row?.outcome, row?.disconnect_reason, row?.answered_by], ["completed", "Completed", "human"]);
    const { rows } = await pool.query("select type from events where subject_id = $1 order by id", [call.id]);
    assert.deepEqual(
      rows.map(({ type }) => type),
      ["call.started", "call.answered", "call.ended"],
    );
    const { rows: capacity } = await pool.query("select in_use from workspace_capacity where workspace_id = $1", [tenant.workspace.id]);
    assert.deepEqual(capacity, [{ in_use: 0 }]);
  });
});

describe("leases", () => {
  test("a node that loses a call's lease hangs up and writes nothing over what others wrote", async () => {
    const tenant = await callingTenant(world);
    const { carrier, dialled } = puppetCarrier();
    const { call } = await tenant.place("+14155550010");
    await withNode({ carrier }, async () => {
      const leg = await until(() => dialled[0], { what: "the leg" });
      await pool.query("delete from live_calls where call_id = $1", [call.id]);
      await pool.query("update workspace_capacity set in_use = 0 where workspace_id = $1", [tenant.workspace.id]);
      await pool.query("update calls set status = 'ended', outcome = 'failed', error = 'reaped', ended_at = now() where id = $1", [
        call.id,
      ]);
      await until(() => leg.hungUp, { what: "the hang-up" });
    });
    const [row] = await tenant.calls();
    assert.deepEqual([row?.outcome, row?.error], ["failed", "reaped"]);
    const { rows } = await pool.query("select type from events where subject_id = $1 order by id", [call.id]);
    assert.deepEqual(rows, [{ type: "call.started" }]);
  });

  test("a lease that the node holds without knowing it is given back", async () => {
    const tenant = await callingTenant(world);
    await withNode({ maxCalls: 0 }, async (node) => {
      await tenant.place("+14155550010");
      await pool.query("update live_calls set node_id = $1 where workspace_id = $2", [node.id, tenant.workspace.id]);
      const [call] = await allEnded(tenant);
      assert.deepEqual([call?.outcome, call?.error], ["failed", "voice node lost"]);
    });
    const { rows } = await pool.query("select in_use from workspace_capacity where workspace_id = $1", [tenant.workspace.id]);
    assert.deepEqual(rows, [{ in_use: 0 }]);
  });

  test("a call whose lease another node holds cannot be answered", async () => {
    const tenant = await callingTenant(world);
    const { call } = await tenant.place("+14155550010");
    const [workspaceId, callId] = [tenant.workspace.id, call.id];
    const [mine, other] = [newId(), newId()];
    await pool.query("update live_calls set node_id = $2 where call_id = $1", [callId, mine]);
    await pool.query("update calls set status = 'ringing' where id = $1", [callId]);
    const answer = (nodeId: string) =>
      house.db.together(answerCalls, { workspaceId, callId, nodeId, answeredBy: "human", at: house.clock.now() });
    assert.equal(await answer(other), false);
    assert.equal((await tenant.calls())[0]?.status, "ringing");
    assert.equal(await answer(mine), true);
    assert.equal(await answer(other), false);
    assert.equal(await answer(mine), true);
  });

  test("a node that was struck off registers again", async () => {
    await withNode({}, async (node) => {
      await pool.query("delete from nodes where id = $1", [node.id]);
      await until(async () => (await pool.query("select from nodes where id = $1", [node.id])).rows.length === 1, {
        what: "the registration",
      });
    });
  });
});

describe("stopping", () => {
  test("live calls end as failed by the system within 2 s, leases and node are gone", async () => {
    const tenant = await callingTenant(world);
    const slow = createSimulator({ clock: house.clock, speed: 0.01, seed: "test" });
    for (let index = 0; index < 3; index++) await tenant.place(`+1415555001${index}`);
    let id = "";
    const { promise: dialled, resolve } = Promise.withResolvers<void>();
    const carrier: Carrier = {
      dial(request, handler) {
        resolve();
        return slow.dial(request, handler);
      },
    };
    const closing = await withNode({ carrier }, async (node) => {
      id = node.id;
      await dialled;
      return { begun: performance.now(), awakeMs: awake() };
    });
    const awakeMs = closing.awakeMs();
    assert.ok(awakeMs < 2_500, `${awakeMs} ms`);
    const registered = async () => (await pool.query("select id from nodes where id = $1", [id])).rows;
    // It waits for its last writes, the shortest time for that of its removal, and not for a machine that stands still.
    if (performance.now() - closing.begun > 300) {
      await allEnded(tenant);
      await until(async () => (await registered()).length === 0, { what: "the node's removal" });
    }
    for (const call of await tenant.calls()) {
      assert.deepEqual(
        [call.status, call.outcome, call.ended_by, call.disconnect_reason, call.error],
        ["ended", "failed", "system", "Server stopped", "server stopped"],
      );
    }
    assert.deepEqual(await registered(), []);
    assert.deepEqual((await pool.query("select from live_calls where workspace_id = $1", [tenant.workspace.id])).rows, []);
  });

  test("a leg that does not let itself be hung up keeps nobody waiting", async () => {
    const tenant = await callingTenant(world);
    let dialled = false;
    const carrier: Carrier = {
      dial() {
        dialled = true;
        return { hangup: () => undefined, transfer: async () => ({ accepted: false, detail: "It does not." }) };
      },
    };
    await tenant.place("+14155550010");
    const awakeMs = await withNode({ carrier }, async () => {
      await until(() => dialled, { what: "the leg" });
      return awake();
    });
    assert.ok(awakeMs() < 3_000);
    // What is left is for the dispatcher: the lease of a node that is not there.
    const lease = async () => {
      const { rows } = await pool.query(
        "select l.node_id is not null as taken, n.id from live_calls l left join nodes n on n.id = l.node_id where workspace_id = $1",
        [tenant.workspace.id],
      );
      return rows;
    };
    await until(async () => (await lease())[0]?.id === null, { what: "the node's removal" });
    assert.deepEqual(await lease(), [{ taken: true, id: null }]);
  });
});

test("500 finished calls leave no timer and no memory of themselves", async () => {
  const tenant = await callingTenant(world, { callLimit: 1_000 });
  await withNode({}, async (node) => {
    await tenant.place("+14155550010");
    await allEnded(tenant);
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "Immediate").length;
    const before = timers();
    await Promise.all(Array.from({ length: 500 }, (_value, index) => tenant.place(`+141555${20_000 + index * 10}`)));
    node.wake();
    await allEnded(tenant);
    // An idle connection of the pool has a timer, too.
    await until(() => timers() <= before + 1 + pool.totalCount, { what: "the end of all timers" });
  });
});
