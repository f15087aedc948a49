import assert from "node:assert/strict";
import { test } from "node:test";
import { ownStore } from "./own-store.ts";
import { leadline, leadlineJson } from "./support.ts";

const store = await ownStore();
const options = { env: store.env };

test("an operator sees what became of a call: trunk, times, SIP, Q.850, how good the line was", async () => {
  const create = ["workspace", "create", "--name", "Clinic", "--time-zone", "Europe/Sofia", "--country", "BG"];
  const { id: workspaceId } = await leadlineJson<{ id: string }>(create, options);
  assert.equal((await leadline(["call", "list"], options)).out, "No calls.\n");
  const [agent] = await store.query<{ id: string }>(
    `with agent as (insert into agents (workspace_id, id, version, is_active, settings, created_at, updated_at)
       values ($1, gen_random_uuid(), 1, true, '{}', now(), now()) returning workspace_id, id)
     insert into agent_versions (workspace_id, agent_id, version, settings, created_at) select workspace_id, id, 1, '{}', now() from agent
     returning agent_id as id`,
    [workspaceId],
  );
  const trunk = await leadlineJson<{ id: string }>(["trunk", "add", "--name", "Provider", "--gateway", "udp:192.0.2.1"], options);
  const insert = (direction: string, outcome: string, more: { sip?: [number, string, number]; quality?: object; error?: string }) =>
    store.query<{ id: string }>(
      `insert into calls (workspace_id, id, agent_id, agent_version, direction, from_number, to_number, status, outcome, ended_by,
         disconnect_reason, error, created_at, started_at, rang_at, ended_at, updated_at, trunk_id, sip_status, sip_reason, q850_cause, media_quality)
       values ($1, gen_random_uuid(), $2, 1, $3, '+35921234567', '+35929876543', 'ended', $4, 'caller', 'Completed', $5,
         '2026-01-02T03:04:05Z', '2026-01-02T03:04:06Z', '2026-01-02T03:04:08Z', now(), now(), $6, $7, $8, $9, $10) returning id`,
      [workspaceId, agent?.id, direction, outcome, more.error ?? null, trunk.id, ...(more.sip ?? [null, null, null]), more.quality ?? null],
    );
  const [busy] = await insert("outbound", "busy", { sip: [486, "Busy Here", 17] });
  const quality = { codec: "PCMA", packets_sent: 100, packets_received: 95, packets_lost: 5, jitter_ms: 2.25, mos: 4.12 };
  const [talked] = await insert("inbound", "completed", { sip: [200, "OK", 16], quality });

  const list = (await leadline(["call", "list"], options)).out;
  assert.match(list, new RegExp(`^${busy?.id} .* outbound .* busy +486 Busy Here `, "m"));
  const inbound = await leadlineJson<Array<{ id: string }>>(["call", "list", "--direction", "inbound"], options);
  assert.deepEqual(
    inbound.map(({ id }) => id),
    [talked?.id],
  );

  const shown = (await leadline(["call", "show", talked?.id ?? ""], options)).out;
  for (const line of [
    /^trunk +Provider$/m,
    /^outcome +completed$/m,
    /^rang +2026-01-02 03:04:08 UTC$/m,
    /^answered +-$/m,
    /^sip +200 OK$/m,
    /^q\.850 +16$/m,
    /^line +PCMA, MOS 4\.1, lost 5 of 100 packets, jitter 2\.3 ms$/m,
  ]) {
    assert.match(shown, line);
  }
  const json = await leadlineJson<{ sip_status: number; media_quality: object }>(["call", "show", talked?.id ?? ""], options);
  assert.deepEqual([json.sip_status, json.media_quality], [200, quality]);

  await leadline(["trunk", "remove", "Provider"], options);
  assert.match((await leadline(["call", "show", busy?.id ?? ""], options)).out, /^trunk +[0-9a-f-]{36} \(removed\)$/m);
  assert.match((await leadline(["call", "show", trunk.id], options)).err, /^leadline: There is no call /);
  const mistyped = await leadline(["call", "show", "foo"], options);
  assert.deepEqual([mistyped.code, mistyped.err], [1, "leadline: foo is not the id of a call. See: leadline call list\n"]);
});
