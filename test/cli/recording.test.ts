import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { newId } from "../../src/platform/ids.ts";
import { ownStore } from "./own-store.ts";
import { leadline, leadlineJson, temporaryFolder } from "./support.ts";

const store = await ownStore();
const folder = join(temporaryFolder(), "recordings");
const options = { env: { ...store.env, RECORDINGS_DIR: folder } };

test("an operator finds the recordings of a person and deletes them; doctor says what they take", async () => {
  const create = ["workspace", "create", "--name", "Clinic", "--time-zone", "Asia/Jerusalem", "--country", "IL"];
  const { id: workspaceId } = await leadlineJson<{ id: string }>(create, options);
  const [agentId, callId, otherId] = [newId(), newId(), newId()];
  await store.query(
    "insert into agents (workspace_id, id, version, is_active, settings, created_at, updated_at) values ($1, $2, 1, true, '{}', now(), now())",
    [workspaceId, agentId],
  );
  await store.query("insert into agent_versions (workspace_id, agent_id, version, settings, created_at) values ($1, $2, 1, '{}', now())", [
    workspaceId,
    agentId,
  ]);
  const recorded = async (id: string, to: string) => {
    const file = `${workspaceId}/2026-06/${id}.wav`;
    await store.query(
      `insert into calls (workspace_id, id, agent_id, agent_version, direction, from_number, to_number, status, outcome, created_at, ended_at, updated_at)
       values ($1, $2, $3, 1, 'outbound', '+972551234567', $4, 'ended', 'completed', now(), now(), now())`,
      [workspaceId, id, agentId, to],
    );
    await store.query(
      `insert into recordings (workspace_id, call_id, file, started_at, duration_ms, bytes)
       values ($1, $2, $3, '2026-06-01T10:00:00Z', 83000, 2656044)`,
      [workspaceId, id, file],
    );
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), "sound");
    return join(folder, file);
  };
  const path = await recorded(callId, "+972501234567");
  const otherPath = await recorded(otherId, "+972501234568");

  assert.match(
    (await leadline(["doctor"], options)).out,
    /^ok +recordings +.*recordings: .* free, \d+ hours of talk$[\s\S]*^- +recordings +2 with 5\.3 MB, kept for ever/m,
  );
  const list = (await leadline(["recording", "list", "--number", "050-123-4567"], options)).out;
  assert.match(list, new RegExp(`^${callId}  2026-06-01 10:00  outbound .* 1:23 +2\\.7 MB$`, "m"));
  assert.ok(!list.includes(otherId));

  const misdirected = await leadline(["recording", "delete", callId], { env: store.env });
  assert.deepEqual([misdirected.code, misdirected.out], [1, ""]);
  assert.match(misdirected.err, /^leadline: The recording of call .* Set RECORDINGS_DIR as the server has it; .*--force\.\n$/);
  const [deleted] = await leadlineJson<Array<{ call_id: string; deleted_at: string }>>(["recording", "delete", callId], options);
  assert.equal(deleted?.call_id, callId);
  assert.deepEqual([existsSync(path), existsSync(otherPath)], [false, true]);
  const again = await leadline(["recording", "delete", callId.toUpperCase(), "nobody"], options);
  assert.match(again.err, /^leadline: nobody is not the id of a call\. See: leadline recording list\n$/);
  const [listed] = await leadlineJson<Array<{ call_id: string; path: string }>>(["recording", "list"], options);
  assert.deepEqual([listed?.call_id, listed?.path], [otherId, otherPath]);
});
