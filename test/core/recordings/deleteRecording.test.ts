import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { deleteRecording } from "../../../src/core/recordings/deleteRecording.ts";
import { finishRecording } from "../../../src/core/recordings/finishRecording.ts";
import { listRecordings } from "../../../src/core/recordings/listRecordings.ts";
import { signRecordingLink } from "../../../src/core/recordings/recordingLink.ts";
import { newId } from "../../../src/platform/ids.ts";
import { callingTenant } from "../../engine/support.ts";
import { send, startWorld } from "../../support/world.ts";
import { recordedCall } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "leadline-deleted-"));
const world = await startWorld({ environment: { RECORDINGS_DIR: folder } });
after(() => rmSync(folder, { recursive: true }));

const { house } = world;
const tenant = await callingTenant(world, { callLimit: 1_000 });
const workspaceId = tenant.workspace.id;
const { token } = await tenant.key("yappr");
const STARTED = new Date("2026-06-01T10:00:00Z");
const given = (more = {}) => recordedCall(tenant, STARTED, more);
const recordingUrlOf = async (callId: string) =>
  (await send(world, "GET", `/calls/${callId}`, { token })).json<{ recording_url: string | null }>().recording_url;

describe("deleting a recording", () => {
  test("takes the file, the recording_url and every link that was given away (yappr 7.5); the call stays", async () => {
    const { callId, path } = await given();
    const other = await given();
    const link = (expiresAt?: Date) => {
      const { sig, exp } = signRecordingLink(house, { workspaceId, callId }, expiresAt);
      return `/calls/${callId}/recording?sig=${sig}${exp === undefined ? "" : `&exp=${exp}`}`;
    };
    const short = link(new Date(Date.now() + 60_000));
    assert.equal((await send(world, "GET", short)).body, "sound");
    assert.match((await recordingUrlOf(callId)) ?? "", /sig=/);

    assert.equal((await deleteRecording(house, { workspaceId, callId })).state, "deleted");
    assert.equal(existsSync(path), false);
    assert.equal(await recordingUrlOf(callId), null);
    const followed = await send(world, "GET", link());
    const permanent = await send(world, "GET", `/calls/${callId}/recording${followed.headers.location}`);
    for (const refused of [await send(world, "GET", `/calls/${callId}/recording`, { token }), await send(world, "GET", short), permanent]) {
      assert.deepEqual([refused.statusCode, refused.json().code], [404, "RECORDING_UNAVAILABLE"]);
    }
    assert.equal(existsSync(other.path), true);
    assert.match((await recordingUrlOf(other.callId)) ?? "", /sig=/);
  });

  test("twice is once: it says when it was deleted first, and a file that came back goes too", async () => {
    const { callId, path } = await given();
    const first = await deleteRecording(house, { workspaceId, callId });
    writeFileSync(path, "sound");
    assert.deepEqual(await deleteRecording(house, { workspaceId, callId }), first);
    assert.equal(existsSync(path), false);
  });

  test("a recorder that finishes late does not bring it back", async () => {
    const { callId } = await given();
    await deleteRecording(house, { workspaceId, callId });
    await finishRecording(house, { workspaceId, callId, file: "late", startedAt: STARTED, durationMs: 2_000, bytes: 9 });
    assert.equal(await recordingUrlOf(callId), null);
  });

  test("a file that is not in the folder is not said to be deleted, unless by force", async () => {
    const { callId, path } = await given();
    rmSync(path);
    const missing = await deleteRecording(house, { workspaceId, callId });
    assert.deepEqual(missing, { state: "missing", file: path.slice(folder.length + 1) });
    assert.notEqual(await recordingUrlOf(callId), null);
    assert.equal((await deleteRecording(house, { workspaceId, callId, force: true })).state, "deleted");
    assert.equal(await recordingUrlOf(callId), null);
  });

  test("not while the call goes on; nothing where there is none; no other workspace's", async () => {
    const running = await given({ status: "in_progress" });
    assert.deepEqual(await deleteRecording(house, { workspaceId, callId: running.callId }), { state: "running" });
    assert.equal(existsSync(running.path), true);
    const bare = await given({ noted: false });
    assert.deepEqual(await deleteRecording(house, { workspaceId, callId: bare.callId }), { state: "none" });
    const { callId, path } = await given();
    const stranger = (await world.tenant()).workspace.id;
    await assert.rejects(deleteRecording(house, { workspaceId: stranger, callId }), { kind: "not_found" });
    await assert.rejects(deleteRecording(house, { workspaceId, callId: newId() }), { kind: "not_found" });
    assert.equal(existsSync(path), true);
  });
});

test("the list has what is not deleted, newest first, of one number when asked", async () => {
  const fresh = await callingTenant(world, { callLimit: 10 });
  const calls = [await recordedCall(fresh, STARTED), await recordedCall(fresh, STARTED), await recordedCall(fresh, STARTED)];
  const [first, second, third] = calls.map(({ callId }) => callId);
  await deleteRecording(house, { workspaceId: fresh.workspace.id, callId: second ?? "" });
  const listed = await listRecordings(fresh.ctx, { limit: 10 });
  assert.deepEqual(
    listed.map((one) => one.call_id),
    [third, first],
  );
  const number = listed[1]?.to_number ?? "";
  assert.deepEqual(
    (await listRecordings(fresh.ctx, { limit: 10, number })).map((one) => one.call_id),
    [first],
  );
});
