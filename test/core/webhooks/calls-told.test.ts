import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Webhook } from "standardwebhooks";
import { addDncEntry } from "../../../src/core/do-not-call/addDncEntry.ts";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { ROLES } from "../../../src/roles.ts";
import { until } from "../../support/until.ts";
import { send, startWorld } from "../../support/world.ts";
import { startReceiver } from "./receiver.ts";

const world = await startWorld({ roles: ROLES });
const receiver = await startReceiver();
const tenant = await world.tenant();
const { token } = await tenant.key("yappr");
const from = "+972551234567";
await addPhoneNumber(tenant.ctx, { phone: from });
const agent = (
  await send(world, "POST", "/agents", {
    token,
    body: { name: "Noa", system_prompt: "Be kind.", language: "en", greeting_message: "Hello!", webhook_url: `${receiver.url}/hook` },
  })
).json();

type Body = Record<string, unknown>;

/** Calls a number and waits for `last`, the event that the call ends with. */
async function toldOf(to: string, last: string): Promise<Body[]> {
  const { id, call_id } = (await send(world, "POST", "/calls", { token, body: { agent_id: agent.id, to, from } })).json();
  const callId = id ?? call_id;
  const told = () => receiver.received.map(({ body }) => body).filter((body) => body.call_id === callId);
  await until(() => told().some(({ event }) => event === last), { what: `${last} of the call to ${to}` });
  await until(async () => {
    const { rows } = await world.house.db.pool.query<{ count: number }>(
      `select count(*) from webhook_deliveries d join events e on e.workspace_id = d.workspace_id and e.id = d.event_id
       where d.workspace_id = $1 and e.subject_id = $2 and d.status <> 'delivered'`,
      [tenant.workspace.id, callId],
    );
    return rows[0]?.count === 0;
  });
  return told();
}

const tenantCall = async (id: unknown): Promise<Body> => (await send(world, "GET", `/calls/${id}`, { token })).json();

const names = (told: Body[]) => told.map(({ event }) => event).sort();

describe("an agent's webhook is told of each call (yappr 9.1)", () => {
  test("that is answered: started, answered, ended, once each, and signed", async () => {
    const told = await toldOf("+972501234567", "call.ended");
    assert.deepEqual(names(told), ["call.answered", "call.ended", "call.started"]);
    const ended = told.find(({ event }) => event === "call.ended");
    assert.equal(ended?.company_id, tenant.workspace.id);
    assert.equal(ended?.agent_id, agent.id);
    const duration_seconds = (await tenantCall(ended?.call_id)).duration_seconds;
    assert.deepEqual(ended?.data, {
      direction: "outbound",
      from_number: from,
      to_number: "+972501234567",
      duration_seconds,
      status: "completed",
    });
    for (const { raw, headers } of receiver.received)
      new Webhook(tenant.webhookSecret).verify(
        raw,
        Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      );
  });

  test("that nobody answers, and that cannot be connected", async () => {
    assert.deepEqual(names(await toldOf("+972501230001", "call.no_answer")), ["call.no_answer", "call.started"]);
    const failed = await toldOf("+972501230005", "call.failed");
    assert.deepEqual(names(failed), ["call.failed", "call.started"]);
    const told = failed.find(({ event }) => event === "call.failed");
    assert.match(JSON.stringify(told?.data), /"error":"[^"]+"/);
  });

  test("that the Do-Not-Call list forbids", async () => {
    const { entry } = await addDncEntry(tenant.ctx, { phone: "+972501230099", reason: "asked us", source: "api" });
    const told = await toldOf("+972501230099", "call.dnc_blocked");
    assert.deepEqual(
      told.map(({ data }) => data),
      [
        {
          direction: "outbound",
          from_number: from,
          to_number: "+972501230099",
          status: "dnc_blocked",
          extra_data: { dnc_reason: "asked us", dnc_entry_id: entry.id },
        },
      ],
    );
  });
});
