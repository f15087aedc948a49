import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { pino } from "pino";
import { createCleanUpRecordings } from "../../../src/core/housekeeping/cleanUpRecordings.ts";
import { deleteRecording } from "../../../src/core/recordings/deleteRecording.ts";
import { listRecordings } from "../../../src/core/recordings/listRecordings.ts";
import { newId } from "../../../src/platform/ids.ts";
import { callingTenant } from "../../engine/support.ts";
import { startWorld } from "../../support/world.ts";
import { recordedCall } from "../recordings/support.ts";

const folder = mkdtempSync(join(tmpdir(), "leadline-cleaned-"));
const world = await startWorld({ environment: { RECORDINGS_DIR: folder } });
after(() => rmSync(folder, { recursive: true }));

const { house } = world;
const tenant = await callingTenant(world, { callLimit: 10_000 });
const DAY_MS = 24 * 3_600_000;
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS);
const given = (days: number, more = {}) => recordedCall(tenant, daysAgo(days), more);
const kept = async () => new Set((await listRecordings(tenant.ctx, { limit: 10_000 })).map((one) => one.call_id));

let logged: Array<Record<string, unknown>> = [];
const log = pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) });
beforeEach(() => {
  logged = [];
});
const said = () => logged.map(({ msg, deleted, missing, failed }) => [msg, deleted ?? missing ?? failed]);
const cleanUp = (keepDays?: number) =>
  createCleanUpRecordings({ house, keepDays, log })({}, { number: 1, last: false, signal: new AbortController().signal });

/** A file where recordings are, last written so many days ago. */
function file(path: string, days: number): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "sound");
  utimesSync(path, daysAgo(days), daysAgo(days));
  return path;
}

describe("cleaning up recordings", () => {
  test("those that are older than RECORDINGS_KEEP_DAYS go, file and row, in every workspace; the others stay; twice is once", async () => {
    const other = await callingTenant(world, { callLimit: 10 });
    const old = [await given(31), await given(300), await recordedCall(other, daysAgo(40))];
    const young = [await given(29), await given(0)];
    const running = await given(40, { status: "in_progress" });
    await cleanUp(30);
    assert.deepEqual(
      old.map(({ path }) => existsSync(path)),
      [false, false, false],
    );
    assert.deepEqual(
      [...young, running].map(({ path }) => existsSync(path)),
      [true, true, true],
    );
    const left = await kept();
    assert.deepEqual(
      [...old, ...young, running].map(({ callId }) => left.has(callId)),
      [false, false, false, true, true, true],
    );
    await cleanUp(30);
    assert.deepEqual(said(), [["old recordings were deleted", 3]]);
  });

  test("without it nothing is too old", async () => {
    const { path, callId } = await given(3_000);
    await cleanUp();
    assert.ok(existsSync(path) && (await kept()).has(callId));
    assert.deepEqual(said(), []);
    await cleanUp(30);
  });

  test("more than fit in one batch, some of which cannot be deleted: the others are, and the log says so once", async () => {
    const { path, callId } = await given(400);
    const stuck = [path, (await given(400)).path];
    for (const one of stuck) {
      // What unlink refuses, whoever runs the tests.
      rmSync(one);
      mkdirSync(one);
    }
    await house.db.pool.query(
      `with many as (insert into calls select (c).* from (
         select jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(), 'number', c.number - n * 100000)) as c
         from calls c, generate_series(1, 700) n where c.workspace_id = $1 and c.id = $2) copies returning id)
       insert into recordings (workspace_id, call_id, file, started_at) select $1, id, id::text, $3 from many`,
      [tenant.workspace.id, callId, daysAgo(50)],
    );
    await cleanUp(30);
    const left = await kept();
    assert.deepEqual([left.has(callId), [...left].length <= 6], [true, true]);
    assert.deepEqual(said(), [
      ["a recording could not be deleted", undefined],
      ["old recordings were deleted", 700],
      ["old recordings had no file in RECORDINGS_DIR; if other machines have another folder, theirs are still there", 700],
      ["so many old recordings could not be deleted; it is tried again tomorrow", 2],
    ]);
    for (const one of stuck) rmSync(one, { recursive: true });
    await cleanUp(30);
    assert.equal((await kept()).has(callId), false);
  });

  test("where the folder is not there, as when it is not mounted, nothing passes for deleted", async () => {
    const { callId } = await given(50);
    const away = `${folder}-away`;
    renameSync(folder, away);
    await cleanUp(30).finally(() => renameSync(away, folder));
    assert.ok((await kept()).has(callId));
    assert.deepEqual(said(), [["old recordings cannot be deleted: RECORDINGS_DIR is not there", undefined]]);
  });

  test("files that no call leads to go: of deleted recordings at once, of calls that are not there once they have had their time", async () => {
    const month = join(folder, tenant.workspace.id, "2026-05");
    const deleted = await given(1);
    await deleteRecording(house, { workspaceId: tenant.workspace.id, callId: deleted.callId });
    const gone = file(deleted.path, 0);
    const old = file(join(month, `${newId()}.wav`), 31);
    const unnoted = await given(31, { noted: false });
    const stays = [
      file(join(month, `${newId()}.wav`), 29),
      (await given(1)).path,
      (await given(31, { noted: false, status: "in_progress" })).path,
      // Not ours.
      file(join(month, "notes.txt"), 100),
      file(join(month, `${newId()}.mp3`), 100),
      file(join(folder, newId(), "2026-05", `${newId()}.wav`), 100),
      file(join(folder, tenant.workspace.id, "backup", `${newId()}.wav`), 100),
    ];
    await cleanUp();
    assert.deepEqual(
      [gone, old, unnoted.path].map((path) => existsSync(path)),
      [false, true, true],
      "kept for ever",
    );
    await cleanUp(30);
    assert.deepEqual(
      [old, unnoted.path].map((path) => existsSync(path)),
      [false, false],
    );
    assert.deepEqual(
      stays.map((path) => existsSync(path)),
      stays.map(() => true),
    );
    const strays = said().filter(([text]) => String(text).startsWith("files"));
    assert.deepEqual(strays, [
      ["files of recordings that no call leads to were deleted", 1],
      ["files of recordings that no call leads to were deleted", 2],
    ]);
  });
});
