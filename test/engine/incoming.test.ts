import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { IncomingCall, LegHandler, RejectReason, TextMedia } from "../../src/carriers/carrier.ts";
import { createAgent } from "../../src/core/agents/createAgent.ts";
import { deactivateAgent } from "../../src/core/agents/deactivateAgent.ts";
import { addDncEntry } from "../../src/core/do-not-call/addDncEntry.ts";
import { createLead } from "../../src/core/leads/createLead.ts";
import type { Conversation } from "../../src/engine/conversation.ts";
import { endCalls } from "../../src/engine/endCalls.ts";
import { LEASE_LOST } from "../../src/engine/endings.ts";
import { takeIncoming } from "../../src/engine/takeIncoming.ts";
import { startVoiceNode, type VoiceNode, type VoiceNodeOptions } from "../../src/engine/voice-node.ts";
import { newId } from "../../src/platform/ids.ts";
import { createLog } from "../../src/platform/log.ts";
import { until } from "../support/until.ts";
import { send, startWorld } from "../support/world.ts";
import { allEnded, type CallingTenant, callingTenant } from "./support.ts";
import { numberOn, type TestTrunk, testTrunk } from "./trunks.ts";

const world = await startWorld();
const { house } = world;
const { pool } = house.db;

const media: TextMedia = {
  kind: "text",
  say: async () => undefined,
  hear: async () => undefined,
};

interface Caller {
  call: IncomingCall;
  rejected: RejectReason | undefined;
  handler: LegHandler | undefined;
  hungUp: boolean;
}

/** Somebody who calls; the leg is answered as soon as it is accepted, unless told otherwise. */
function caller(trunk: TestTrunk, to: string, from: string | null, options: { fromName?: string; givesUp?: boolean } = {}): Caller {
  let over = false;
  const one: Caller = {
    rejected: undefined,
    handler: undefined,
    hungUp: false,
    call: {
      trunkId: trunk.id,
      from,
      fromName: options.fromName ?? null,
      to,
      reject(reason) {
        assert.ok(one.rejected === undefined && one.handler === undefined, "decided twice");
        one.rejected = reason;
      },
      accept(handler) {
        assert.ok(one.rejected === undefined && one.handler === undefined, "decided twice");
        one.handler = handler;
        const end = (cause: "canceled" | "hangup_local") => {
          if (over) return;
          over = true;
          handler.ended({ cause, sip: { status: cause === "canceled" ? 487 : 200, reason: "OK", q850: 16 } });
        };
        queueMicrotask(() => (options.givesUp ? end("canceled") : handler.answered(media, "human")));
        return {
          hangup() {
            one.hungUp = true;
            end("hangup_local");
          },
          transfer: async () => ({ accepted: false, detail: "no" }),
        };
      },
    },
  };
  return one;
}

async function withNode<T>(work: (node: VoiceNode) => Promise<T>, options: Partial<VoiceNodeOptions> = {}): Promise<T> {
  const conversation: Conversation = { talk: async () => "finished" };
  const node = await startVoiceNode({
    house,
    carrier: () => ({ dial: () => assert.fail("nobody is dialled") }),
    conversation,
    listener: { on: () => undefined },
    log: createLog("silent"),
    ...options,
  });
  try {
    return await work(node);
  } finally {
    await node.close();
  }
}

const decided = (one: Caller) => until(() => one.rejected !== undefined || one.handler !== undefined, { what: "the decision" });

async function receive(one: Caller, options: Partial<VoiceNodeOptions> = {}): Promise<void> {
  await withNode(async (node) => {
    node.incoming(one.call);
    await decided(one);
    if (one.handler) await until(async () => (await pool.query("select from live_calls")).rows.length === 0, { what: "its end" });
  }, options);
}

interface Line {
  tenant: CallingTenant;
  trunk: TestTrunk;
  number: string;
}

async function line(options: { callLimit?: number; maxChannels?: number | null } = {}): Promise<Line> {
  const tenant = await callingTenant(world, options.callLimit === undefined ? {} : { callLimit: options.callLimit });
  const trunk = await testTrunk(world, options.maxChannels ?? null);
  return { tenant, trunk, number: await numberOn(trunk, tenant, tenant.agentId) };
}

const leadsOf = async (tenant: CallingTenant) =>
  (await pool.query("select id, name, phone, origin, owns_phone from leads where workspace_id = $1 order by id", [tenant.workspace.id]))
    .rows;

describe("a call that comes in", () => {
  test("is the number's agent's: ringing, answered, ended, with its events, and everything is given back (yappr 9.1)", async () => {
    const { tenant, trunk, number } = await line({ maxChannels: 1 });
    await receive(caller(trunk, number, "+14155550101"));
    const [call] = await tenant.calls();
    assert.partialDeepStrictEqual(call, {
      direction: "inbound",
      from_number: "+14155550101",
      to_number: number,
      agent_id: tenant.agentId,
      agent_version: 1,
      trunk_id: trunk.id,
      status: "ended",
      outcome: "completed",
      answered_by: "human",
      ended_by: "agent",
      sip_status: 200,
      q850_cause: 16,
    });
    assert.ok(call?.rang_at && call.started_at && call.answered_at && call.ended_at);
    const { rows: events } = await pool.query("select type from events where subject_id = $1 order by id", [call.id]);
    assert.deepEqual(events, [{ type: "call.started" }, { type: "call.answered" }, { type: "call.ended" }]);
    const { rows: decisions } = await pool.query("select verdict, reason from call_decisions where call_id = $1", [call.id]);
    assert.deepEqual(decisions, [{ verdict: "admitted", reason: "capacity_free" }]);
    const { rows } = await pool.query("select in_use from workspace_capacity where workspace_id = $1", [tenant.workspace.id]);
    assert.deepEqual(rows, [{ in_use: 0 }]);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });

  test("from an unknown number makes a lead with source auto (yappr 8)", async () => {
    const { tenant, trunk, number } = await line();
    await receive(caller(trunk, number, "+14155550101", { fromName: "Dana Levi" }));
    const [call] = await tenant.calls();
    const [lead] = await leadsOf(tenant);
    assert.partialDeepStrictEqual(lead, { name: "Dana Levi", phone: "+14155550101", origin: "inbound_call", owns_phone: true });
    assert.equal(call?.lead_id, lead.id);
    const { rows } = await pool.query("select type from events where subject_id = $1", [lead.id]);
    assert.deepEqual(rows, [{ type: "lead.created" }]);
    const { token } = await tenant.key("yappr");
    const shown = (await send(world, "GET", `/calls/${call?.id}`, { token })).json();
    assert.partialDeepStrictEqual(shown, {
      direction: "inbound",
      from: "+14155550101",
      to: number,
      lead: { id: lead.id, source: "auto" },
      line: { sip_status: 200, q850_cause: 16 },
    });
  });

  test("from a lead is that lead's, which stays as it is; a number that is shown as a name is none", async () => {
    const { tenant, trunk, number } = await line();
    const lead = await createLead(tenant.ctx, { phone: "+14155550101", name: "Known" });
    await receive(caller(trunk, number, "+14155550101", { fromName: "Somebody Else" }));
    await receive(caller(trunk, number, "+14155550102", { fromName: "+1 (415) 555-0102" }));
    const calls = await tenant.calls();
    assert.equal(calls[0]?.lead_id, lead.id);
    assert.deepEqual(
      (await leadsOf(tenant)).map(({ name, origin }) => [name, origin]),
      [
        ["Known", "api"],
        ["", "inbound_call"],
      ],
    );
  });

  test("a name that was cut in the middle of a sign is taken as far as it goes", async () => {
    const { tenant, trunk, number } = await line();
    await receive(caller(trunk, number, "+14155550101", { fromName: "Zo\ud83d" }));
    await receive(caller(trunk, number, "+14155550102", { fromName: `${"o".repeat(499)}\u{1f600}` }));
    assert.deepEqual(
      (await leadsOf(tenant)).map(({ name }) => name),
      ["Zo\ufffd", `${"o".repeat(499)}\ufffd`],
    );
  });

  test("20 at once from one new number make one lead", async () => {
    const { tenant, trunk, number } = await line({ callLimit: 100 });
    const callers = Array.from({ length: 20 }, () => caller(trunk, number, "+14155550101"));
    await withNode(async (node) => {
      for (const one of callers) node.incoming(one.call);
      await until(async () => (await tenant.calls()).length === 20, { what: "the calls" });
      await allEnded(tenant);
    });
    const leads = await leadsOf(tenant);
    assert.equal(leads.length, 1);
    assert.deepEqual(new Set((await tenant.calls()).map((call) => call.lead_id)), new Set([leads[0].id]));
  });

  test("without a number is anonymous and nobody's lead (RFC 3323 4.1.1.3)", async () => {
    const { tenant, trunk, number } = await line();
    await receive(caller(trunk, number, null, { fromName: "Anonymous" }));
    const [call] = await tenant.calls();
    assert.deepEqual([call?.from_number, call?.lead_id, call?.outcome], ["anonymous", null, "completed"]);
    assert.deepEqual(await leadsOf(tenant), []);
  });

  test("from a number on the Do-Not-Call list is taken: the list says whom we may not call", async () => {
    const { tenant, trunk, number } = await line();
    await addDncEntry(tenant.ctx, { phone: "+14155550101", source: "api" });
    const one = caller(trunk, number, "+14155550101");
    await receive(one);
    assert.equal(one.rejected, undefined);
    assert.equal((await tenant.calls())[0]?.outcome, "completed");
  });

  test("whose caller gives up before the answer ends as nobody answered, by the caller (yappr 9.1)", async () => {
    const { tenant, trunk, number } = await line({ maxChannels: 1 });
    await receive(caller(trunk, number, "+14155550101", { givesUp: true }));
    const [call] = await tenant.calls();
    assert.deepEqual([call?.outcome, call?.ended_by, call?.answered_at, call?.sip_status], ["no_answer", "caller", null, 487]);
    const { rows } = await pool.query("select type from events where subject_id = $1 order by id", [call?.id]);
    assert.deepEqual(rows, [{ type: "call.started" }, { type: "call.no_answer" }]);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });
});

describe("a call that is rejected leaves nothing behind", () => {
  async function rejects(one: Caller, reason: RejectReason, tenant: CallingTenant, options: Partial<VoiceNodeOptions> = {}): Promise<void> {
    const before = (await tenant.calls()).length;
    await receive(one, options);
    assert.equal(one.rejected, reason);
    assert.equal((await tenant.calls()).length, before);
    assert.deepEqual(await leadsOf(tenant), []);
  }

  test("a number that nobody has, or that is on another trunk: unknown_number", async () => {
    const { tenant, trunk, number } = await line();
    const other = await testTrunk(world, null);
    await rejects(caller(trunk, "+4915199999990", "+14155550101"), "unknown_number", tenant);
    await rejects(caller(other, number, "+14155550101"), "unknown_number", tenant);
  });

  test("a number without an agent, with one that is not active, or that is not active itself: unknown_number", async () => {
    const { tenant, trunk } = await line();
    const { agent } = await createAgent(tenant.ctx, {
      settings: { name: "Off", system_prompt: "Be kind.", language: "en", greeting_message: "Hi" },
    });
    const [none, off, inactive] = [
      await numberOn(trunk, tenant),
      await numberOn(trunk, tenant, agent.id),
      await numberOn(trunk, tenant, tenant.agentId),
    ];
    await deactivateAgent(tenant.ctx, agent.id);
    await pool.query("update phone_numbers set is_active = false where workspace_id = $1 and phone = $2", [tenant.workspace.id, inactive]);
    for (const number of [none, off, inactive]) await rejects(caller(trunk, number, "+14155550101"), "unknown_number", tenant);
  });

  test("no line of the workspace free: full", async () => {
    const { tenant, trunk, number } = await line({ callLimit: 0 });
    await rejects(caller(trunk, number, "+14155550101"), "full", tenant);
  });

  test("no channel of the trunk free, whoever has them: full", async () => {
    const { tenant, trunk, number } = await line({ maxChannels: 1 });
    const other = await callingTenant(world);
    const [holder, late] = [
      caller(trunk, await numberOn(trunk, other, other.agentId), "+14155550102"),
      caller(trunk, number, "+14155550101"),
    ];
    const conversation: Conversation = {
      talk: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("finished"), { once: true })),
    };
    await withNode(
      async (node) => {
        node.incoming(holder.call);
        await decided(holder);
        node.incoming(late.call);
        await decided(late);
        assert.deepEqual(await trunk.channels(), { in_use: 1, held: 1 });
      },
      { conversation },
    );
    assert.deepEqual([holder.rejected, late.rejected], [undefined, "full"]);
    assert.deepEqual([await tenant.calls(), await leadsOf(tenant)], [[], []]);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });

  test("40 at once on two nodes into 4 channels: 4 are taken, 36 are told that it is full", async () => {
    const { tenant, trunk, number } = await line({ callLimit: 100, maxChannels: 4 });
    const callers = Array.from({ length: 40 }, (_value, index) => caller(trunk, number, `+1415555${2000 + index}`));
    const conversation: Conversation = {
      talk: ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve("finished"), { once: true })),
    };
    const options = { conversation };
    await withNode(
      (first) =>
        withNode(async (second) => {
          for (const [index, one] of callers.entries()) (index % 2 ? first : second).incoming(one.call);
          for (const one of callers) await decided(one);
          assert.deepEqual(await trunk.channels(), { in_use: 4, held: 4 });
        }, options),
      options,
    );
    assert.equal(callers.filter(({ rejected }) => rejected === "full").length, 36);
    assert.equal((await tenant.calls()).length, 4);
    assert.equal((await leadsOf(tenant)).length, 4);
    assert.deepEqual(await trunk.channels(), { in_use: 0, held: 0 });
  });

  test("no room on the node: unavailable", async () => {
    const { tenant, trunk, number } = await line();
    await rejects(caller(trunk, number, "+14155550101"), "unavailable", tenant, { maxCalls: 0 });
  });

  test("a node that is closing: unavailable", async () => {
    const { tenant, trunk, number } = await line();
    const late = caller(trunk, number, "+14155550101");
    await withNode(async (node) => {
      await node.close();
      node.incoming(late.call);
      await decided(late);
    });
    assert.equal(late.rejected, "unavailable");
    assert.deepEqual(await tenant.calls(), []);
  });

  test("a node that has been struck off: unavailable, and its neighbour in the same transaction takes its own", async () => {
    const { tenant, trunk, number } = await line();
    const nodeId = newId();
    await pool.query("insert into nodes (id, host, pid) values ($1, 'test', 1)", [nodeId]);
    const arrival = { trunkId: trunk.id, from: "+14155550101", fromName: null, to: number, now: house.clock.now() };
    const [lost, taken] = await Promise.all([newId(), nodeId].map((id) => house.db.together(takeIncoming, { ...arrival, nodeId: id })));
    assert.deepEqual(lost, { rejected: "unavailable" });
    assert.ok(taken && "call" in taken);
    assert.equal((await tenant.calls()).length, 1);
    await house.db.together(endCalls, {
      workspaceId: tenant.workspace.id,
      callId: taken.call.id,
      nodeId,
      ...LEASE_LOST,
      at: house.clock.now(),
    });
  });
});
