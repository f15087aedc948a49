import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { pino } from "pino";
import type { House } from "../../../src/core/context.ts";
import { createLog } from "../../../src/platform/log.ts";
import { createRecorder } from "../../../src/voice/recording/createRecorder.ts";
import { callingTenant } from "../../engine/support.ts";
import { until } from "../../support/until.ts";
import { startWorld } from "../../support/world.ts";
import { createFrameSource, leftAt, mountSmall, readWav } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "leadline-recordings-"));
const world = await startWorld({ environment: { RECORDINGS_DIR: folder } });
after(() => rmSync(folder, { recursive: true }));

const { house } = world;
const tenant = await callingTenant(world, { callLimit: 1_000 });
let numbers = 0;

async function aCall() {
  await tenant.place(`+9725012${String(++numbers).padStart(5, "0")}`);
  const call = (await tenant.calls()).at(-1);
  assert.ok(call);
  return call;
}

async function rowOf(callId: string) {
  const { rows } = await house.db.pool.query("select * from recordings where workspace_id = $1 and call_id = $2", [
    tenant.workspace.id,
    callId,
  ]);
  return rows[0];
}

const log = createLog("silent");
const STARTED = new Date("2026-05-31T23:59:58Z");
/** Of a node that does not give up. */
const never = new AbortController().signal;

describe("the recorder", () => {
  test("stereo WAV: the caller on the left, the agent on the right, every sample once", async () => {
    const call = await aCall();
    const source = createFrameSource();
    const recording = createRecorder({ house, log }).record(call, source.media, STARTED, never);
    // 2.5 seconds and a bit: full blocks and a part of one.
    source.send(126);
    await recording.finish();
    const file = `${tenant.workspace.id}/2026-05/${call.id}.wav`;
    const row = await rowOf(call.id);
    assert.deepEqual(row, {
      workspace_id: tenant.workspace.id,
      call_id: call.id,
      file,
      started_at: STARTED,
      duration_ms: 2_520,
      bytes: 44 + 126 * 640,
      deleted_at: null,
    });
    const bytes = readFileSync(join(folder, file));
    assert.equal(bytes.length, row.bytes);
    const wav = readWav(bytes);
    assert.deepEqual([wav.sampleRate, wav.channels, wav.bits, wav.left.length], [8_000, 2, 16, 126 * 160]);
    assert.ok(wav.left.every((sample, index) => sample === leftAt(index)));
    assert.ok(wav.right.every((sample, index) => sample === -leftAt(index)));
    assert.equal(source.listeners, 0);
  });

  test("the row is there while the call goes on, without a length", async () => {
    const call = await aCall();
    const source = createFrameSource();
    const recording = createRecorder({ house, log }).record(call, source.media, STARTED, never);
    source.send(49);
    assert.equal(await rowOf(call.id), undefined);
    source.send(2);
    const row = await until(() => rowOf(call.id));
    assert.deepEqual([row.duration_ms, row.bytes], [null, null]);
    await recording.finish();
    assert.equal((await rowOf(call.id)).duration_ms, 1_020);
  });

  test("a call without a single frame has no recording", async () => {
    const call = await aCall();
    await createRecorder({ house, log }).record(call, createFrameSource().media, STARTED, never).finish();
    assert.equal(await rowOf(call.id), undefined);
    assert.equal(existsSync(join(folder, `${tenant.workspace.id}/2026-05/${call.id}.wav`)), false);
  });

  test("finishing twice, and frames after it, change nothing", async () => {
    const call = await aCall();
    const source = createFrameSource();
    const recording = createRecorder({ house, log }).record(call, source.media, STARTED, never);
    source.send(10);
    const both = [recording.finish(), recording.finish()];
    source.send(10);
    await Promise.all(both);
    assert.equal((await rowOf(call.id)).duration_ms, 200);
  });

  test("a folder that cannot be written: no recording, no error", async () => {
    const blocked = join(folder, "blocked");
    writeFileSync(blocked, "");
    const call = await aCall();
    const source = createFrameSource();
    const recorder = createRecorder({ house: { ...house, settings: { ...house.settings, recordingsDir: blocked } }, log });
    const recording = recorder.record(call, source.media, STARTED, never);
    source.send(200);
    await recording.finish();
    assert.equal(await rowOf(call.id), undefined);
  });

  const full = join(folder, "full");
  const mounted = mountSmall(full);
  after(() => (mounted ? execFileSync("umount", [full]) : undefined));
  test("a disk that gets full: the call goes on, its row has what fitted, and the log says once which recording it was", {
    skip: mounted ? false : "needs the right to mount",
  }, async () => {
    const call = await aCall();
    const source = createFrameSource();
    const logged: Array<{ call: string; err: { message: string }; file: string; msg: string }> = [];
    const recorder = createRecorder({
      house: { ...house, settings: { ...house.settings, recordingsDir: full } },
      log: pino({ level: "info" }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    });
    const recording = recorder.record(call, source.media, STARTED, never);
    await until(() => {
      source.send(50);
      return logged.length > 0;
    });
    source.send(500);
    await recording.finish();
    const [told, ...more] = logged;
    assert.deepEqual(more, []);
    assert.deepEqual([told?.call, told?.msg], [call.id, "a recording cannot be written to its end"]);
    assert.match(told?.err.message ?? "", /ENOSPC|takes no more/);
    const file = readFileSync(told?.file ?? "");
    const row = await rowOf(call.id);
    assert.equal(row.bytes, file.length);
    assert.ok(row.duration_ms >= 1_000 && row.duration_ms < 7_000, row.duration_ms);
    assert.equal(readWav(file).dataBytes, file.length - 44);
  });

  describe("with a database that is away", () => {
    const unreachable = () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));

    /** The recorder of a house whose database is there when `away` is set to false. */
    function cutOff() {
      const state = { away: true, tries: 0 };
      const db: House["db"] = {
        ...house.db,
        togetherInOneStatement(run, item) {
          state.tries++;
          return state.away ? unreachable() : house.db.togetherInOneStatement(run, item);
        },
      };
      return { state, recorder: createRecorder({ house: { db, settings: house.settings }, log }) };
    }

    test("when the recording begins: its row is there once the database is, while the call goes on", async () => {
      const call = await aCall();
      const source = createFrameSource();
      const { state, recorder } = cutOff();
      const recording = recorder.record(call, source.media, STARTED, never);
      source.send(51);
      await until(() => state.tries >= 2, { what: "a second try" });
      state.away = false;
      const row = await until(() => rowOf(call.id), { what: "the row" });
      assert.deepEqual([row.duration_ms, row.bytes], [null, null]);
      await recording.finish();
      assert.equal((await rowOf(call.id)).duration_ms, 1_020);
    });

    test("at its end, however long: its row follows", async () => {
      const call = await aCall();
      const source = createFrameSource();
      const { state, recorder } = cutOff();
      const recording = recorder.record(call, source.media, STARTED, never);
      source.send(100);
      const finished = recording.finish();
      await until(() => state.tries > 12, { what: "more tries", withinMs: 60_000 });
      state.away = false;
      await finished;
      assert.equal((await rowOf(call.id)).duration_ms, 2_000);
    });

    test("until the node gives up: nothing goes on after that", async () => {
      const call = await aCall();
      const source = createFrameSource();
      const { state, recorder } = cutOff();
      const node = new AbortController();
      const recording = recorder.record(call, source.media, STARTED, node.signal);
      source.send(100);
      const finished = recording.finish();
      await until(() => state.tries >= 2, { what: "a second try" });
      node.abort();
      await finished;
      state.away = false;
      assert.equal(await rowOf(call.id), undefined);
    });
  });

  test("100 calls at once each have their own", async () => {
    const calls = [];
    for (let index = 0; index < 100; index++) calls.push(await aCall());
    const recorder = createRecorder({ house, log });
    const sources = calls.map((call) => {
      const source = createFrameSource();
      return { source, recording: recorder.record(call, source.media, new Date("2026-07-01T00:00:00Z"), never) };
    });
    for (let second = 0; second < 3; second++) for (const { source } of sources) source.send(50);
    await Promise.all(sources.map(({ recording }) => recording.finish()));
    const made = join(folder, tenant.workspace.id, "2026-07");
    assert.equal(readdirSync(made).length, 100);
    for (const call of calls) {
      const wav = readWav(readFileSync(join(made, `${call.id}.wav`)));
      assert.equal(wav.left.length, 24_000);
      assert.equal(wav.left.at(-1), leftAt(23_999));
    }
  });
});
