import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { createLead } from "../../../src/core/leads/createLead.ts";
import { newId } from "../../../src/platform/ids.ts";
import { allEnded, callingTenant, FROM } from "../../engine/support.ts";
import { send, startWorld } from "../../support/world.ts";

const world = await startWorld({ roles: ["api", "dispatcher", "voice"] });
const tenant = await callingTenant(world);
const { token } = await tenant.key("yappr");
const get = (path: string, key = token) => send(world, "GET", path, { token: key });

const lead = await createLead(tenant.ctx, { phone: "+14155550100", name: "Dana" });
const blockedNumber = "+14155550199";
await addDncEntry(tenant.ctx, { phone: blockedNumber, reason: "No", source: "api" });

/** One call of each kind, placed in this order. */
const NUMBERS = {
  person: "+14155550100",
  noAnswer: "+14155550001",
  busy: "+14155550002",
  declined: "+14155550003",
  voicemail: "+14155550004",
  unreachable: "+14155550005",
  lost: "+14155550006",
  blocked: blockedNumber,
};
const ids: Record<string, string> = {};
for (const [kind, to] of Object.entries(NUMBERS)) {
  ids[kind] = (await tenant.place(to, { metadata: { kind }, variables: { LeadName: "Dana" } })).call.id;
}
await allEnded(tenant);
await tenant.setLimit(0);
ids.queued = (await tenant.place("+14155550123")).call.id;

const idsOf = async (query: string): Promise<string[]> => {
  const response = await get(`/calls?${query}`);
  assert.equal(response.statusCode, 200, response.body);
  return response.json().data.map((call: { id: string }) => call.id);
};
const newestFirst = (...kinds: string[]) =>
  Object.keys(ids)
    .filter((kind) => kinds.includes(kind))
    .reverse()
    .map((kind) => ids[kind]);

describe("GET /calls/{id} (yappr 7.4)", () => {
  test("a finished call with everything that is known of it", async () => {
    const call = (await get(`/calls/${ids.person}`)).json();
    const { started_at, ended_at, created_at, ended_by, events, transcript, decisions, lead: shown, line, ...rest } = call;
    assert.ok(started_at >= created_at && ended_at >= started_at);
    assert.ok(["agent", "caller"].includes(ended_by));
    assert.deepEqual(rest, {
      id: ids.person,
      agent_id: tenant.agentId,
      from: FROM,
      to: NUMBERS.person,
      direction: "outbound",
      status: "completed",
      duration_seconds: 0,
      disconnect_reason: "Completed",
      transferred_at: null,
      transfer_target: null,
      recording_url: null,
      tool_calls_count: 0,
      flow_steps_count: 0,
      flow_tool_fires_count: 0,
      metadata: { kind: "person" },
      variables: { LeadName: "Dana" },
      tool_calls: [],
    });
    const { rang_at, answered_at, ...onTheLine } = line;
    assert.ok(rang_at >= started_at && answered_at >= rang_at && ended_at >= answered_at);
    assert.deepEqual(onTheLine, { error: null, sip_status: null, sip_reason: null, q850_cause: null, media_quality: null });
    assert.deepEqual(shown, (await get(`/leads/${lead.id}`)).json());
    assert.deepEqual(
      events.map((event: { type: string }) => event.type),
      ["call_initiated", "call_answered", "call_ended"],
    );
    assert.deepEqual(
      decisions.map((decision: { verdict: string; reason: string }) => [decision.verdict, decision.reason]),
      [["admitted", "capacity_free"]],
    );
    assert.deepEqual(
      transcript.map((turn: { role: string }) => turn.role),
      ["agent", "user", "agent", "user", "agent"],
    );
    assert.equal(transcript[0].text, "Hello Dana!");
    assert.ok(transcript.every((turn: { start: number; end: number }) => turn.start >= 0 && turn.end >= turn.start));
  });

  const endings: Array<[kind: keyof typeof NUMBERS, status: string, endedBy: string, reason: string, event: string]> = [
    ["noAnswer", "no_answer", "system", "No answer", "call_ended"],
    ["busy", "no_answer", "system", "Busy", "call_ended"],
    ["declined", "no_answer", "caller", "Call rejected", "call_ended"],
    ["voicemail", "completed", "system", "Voicemail detected", "call_ended"],
    ["unreachable", "failed", "system", "Unreachable", "error"],
    ["lost", "failed", "unknown", "Connection lost", "error"],
    ["blocked", "dnc_blocked", "system", "Do not call", "call_dnc_blocked"],
  ];
  for (const [kind, status, endedBy, reason, event] of endings) {
    test(`${kind}: ${status}, ended by ${endedBy}, ${reason} (yappr 7.2)`, async () => {
      const call = (await get(`/calls/${ids[kind]}`)).json();
      assert.deepEqual([call.status, call.ended_by, call.disconnect_reason], [status, endedBy, reason]);
      assert.equal(call.events.at(-1).type, event);
      assert.ok(call.ended_at && call.started_at);
    });
  }

  test("a call that was handed over shows when and to whom, and what the line was like (yappr 7.3)", async () => {
    const quality = { codec: "PCMA", packets_sent: 500, packets_received: 490, packets_lost: 10, jitter_ms: 3.5, mos: 4.1 };
    await world.house.db.pool.query(
      `update calls set transferred_at = '2026-01-02T03:04:05Z', transfer_target = '+14155550999', sip_status = 200, sip_reason = 'OK',
         q850_cause = 16, media_quality = $2 where id = $1`,
      [ids.voicemail, JSON.stringify(quality)],
    );
    const call = (await get(`/calls/${ids.voicemail}`)).json();
    assert.deepEqual([call.transferred_at, call.transfer_target], ["2026-01-02T03:04:05.000Z", "+14155550999"]);
    assert.partialDeepStrictEqual(call.line, { sip_status: 200, sip_reason: "OK", q850_cause: 16, media_quality: quality });
  });

  test("what is not there is left out (yappr 1)", async () => {
    const call = (await get(`/calls/${ids.noAnswer}`)).json();
    for (const name of ["lead", "transcript", "summary", "disposition", "extracted_data", "flow_trace"]) assert.ok(!(name in call), name);
  });

  test("a call that waits shows as queued", async () => {
    const call = (await get(`/calls/${ids.queued}`)).json();
    assert.deepEqual([call.status, call.started_at, call.ended_at, call.duration_seconds], ["queued", null, null, null]);
    assert.deepEqual(call.decisions[0].detail, { limit: 0, in_use: 0, waiting: 0 });
  });

  test("an unknown id, another workspace's and what is no id are not found", async () => {
    const other = (await (await callingTenant(world)).key("yappr")).token;
    for (const [id, key, code] of [
      [newId(), token, "NOT_FOUND"],
      [ids.person, other, "NOT_FOUND"],
      ["17", token, "RESOURCE_ID_INVALID"],
    ] as const) {
      const response = await get(`/calls/${id}`, key);
      assert.deepEqual([response.statusCode, response.json().code], [404, code]);
    }
  });
});

describe("GET /calls (yappr 7.3)", () => {
  const all = newestFirst(...Object.keys(NUMBERS));

  test("newest first, in pages; calls in the queue are left out", async () => {
    const first = (await get("/calls?limit=3")).json();
    assert.deepEqual(first.pagination, { total: 8, limit: 3, offset: 0, has_more: true });
    assert.deepEqual(
      first.data.map((call: { id: string }) => call.id),
      all.slice(0, 3),
    );
    const last = (await get("/calls?limit=3&offset=6")).json();
    assert.deepEqual(last.pagination, { total: 8, limit: 3, offset: 6, has_more: false });
    assert.deepEqual(
      last.data.map((call: { id: string }) => call.id),
      all.slice(6),
    );
    assert.deepEqual((await get("/calls?offset=100")).json().data, []);
  });

  test("a row is the call without its details", async () => {
    const [row] = (await get(`/calls?callee=${encodeURIComponent(NUMBERS.person)}`)).json().data;
    const { metadata, variables, transcript, tool_calls, events, decisions, line, ...rest } = (await get(`/calls/${ids.person}`)).json();
    assert.ok(metadata && variables && transcript && tool_calls && events && decisions && line);
    assert.deepEqual(row, rest);
  });

  const filters: Array<[query: string, kinds: string[]]> = [
    ["status=completed", ["person", "voicemail"]],
    ["status=no_answer", ["noAnswer", "busy", "declined"]],
    ["status=failed", ["unreachable", "lost"]],
    ["status=dnc_blocked", ["blocked"]],
    ["status=queued", ["queued"]],
    ["status=ringing", []],
    ["status=in-progress", []],
    ["status=in_progress", []],
    ["direction=outbound", Object.keys(NUMBERS)],
    ["direction=inbound", []],
    ["direction=web_call", []],
    ["callee=%2B14155550002", ["busy"]],
    ["callee=+14155550002", ["busy"]],
    [`caller=${encodeURIComponent(FROM)}`, Object.keys(NUMBERS)],
    ["caller=%2B14155550002", []],
    [`agent_id=${tenant.agentId}&status=failed`, ["unreachable", "lost"]],
    [`agent_id=${newId()}`, []],
    ["from=2020-01-01T00:00:00Z", Object.keys(NUMBERS)],
    ["from=2099-01-01T00:00:00Z", []],
    ["to=2020-01-01T00:00:00Z", []],
    ["to=2099-01-01T00:00:00%2B02:00", Object.keys(NUMBERS)],
  ];
  for (const [query, kinds] of filters) test(query, async () => assert.deepEqual(await idsOf(query), newestFirst(...kinds)));

  test("from and to are bounds of created_at, themselves included", async () => {
    const at = (await get(`/calls/${ids.declined}`)).json().created_at;
    assert.ok((await idsOf(`from=${at}&to=${at}`)).includes(ids.declined ?? ""));
  });

  test("other workspaces' calls are never listed", async () => {
    const other = (await (await callingTenant(world)).key("yappr")).token;
    assert.deepEqual((await get("/calls", other)).json().data, []);
    assert.deepEqual((await get("/calls?status=queued", other)).json().pagination.total, 0);
  });

  const bad: Array<[query: string, field: string]> = [
    ["limit=0", "limit"],
    ["limit=101", "limit"],
    ["limit=x", "limit"],
    ["offset=-1", "offset"],
    ["agent_id=x", "agent_id"],
    ["status=done", "status"],
    ["status=", "status"],
    ["direction=up", "direction"],
    ["callee=050", "callee"],
    ["caller=abc", "caller"],
    ["from=yesterday", "from"],
    ["to=2020-13-01T00:00:00Z", "to"],
    ["to=2016-12-31T23:59:60Z", "to"],
  ];
  for (const [query, field] of bad) {
    test(`${query} is refused`, async () => {
      const response = await get(`/calls?${query}`);
      assert.deepEqual(
        [response.statusCode, response.json().code, response.json().details[0].path],
        [400, "BAD_REQUEST", field],
        response.body,
      );
    });
  }
});
