import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createWavWriter } from "../../../src/voice/recording/createWavWriter.ts";
import { missing } from "../../support/debian-packages.ts";
import { until } from "../../support/until.ts";
import { mountSmall, readWav } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "leadline-wav-"));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

function given(path = join(folder, "a", "b", `${++files}.wav`)) {
  const failures: Error[] = [];
  let begun = 0;
  const writer = createWavWriter(path, { begun: () => begun++, failed: (error) => failures.push(error as Error) });
  return {
    path,
    writer,
    failures,
    get begun() {
      return begun;
    },
  };
}

const SECOND = 32_000;
const block = (value: number, length = SECOND) => Buffer.alloc(length, value);

describe("the WAV writer", () => {
  test("writes blocks in order into a file of its own folder, which only its owner may read", async () => {
    const { path, writer, failures } = given();
    for (let second = 1; second <= 3; second++) writer.write(block(second));
    writer.write(block(4, 400));
    assert.deepEqual(await writer.close(), { dataBytes: 3 * SECOND + 400 });
    const file = readFileSync(path);
    assert.equal(file.length, 44 + 3 * SECOND + 400);
    assert.equal(file.readUInt32LE(4), file.length - 8);
    assert.equal(file.readUInt32LE(40), file.length - 44);
    assert.deepEqual(file.subarray(44), Buffer.concat([block(1), block(2), block(3), block(4, 400)]));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.deepEqual(failures, []);
  });

  test("other programs can read it", { skip: missing("soxi") }, async () => {
    const { path, writer } = given();
    writer.write(block(1));
    await writer.close();
    assert.match(
      execFileSync("soxi", [path], { encoding: "utf8" }),
      /Channels +: 2[\s\S]*Sample Rate +: 8000[\s\S]*Precision +: 16-bit[\s\S]*Duration +: 00:00:01\.00/,
    );
  });

  test("a file that is never closed can be played up to some seconds ago", async () => {
    const { path, writer } = given();
    for (let second = 1; second <= 11; second++) {
      writer.write(block(second));
      await until(() => existsSync(path) && statSync(path).size >= 44 + second * SECOND);
      const { dataBytes } = readWav(readFileSync(path));
      assert.ok(dataBytes >= (second - 5) * SECOND && dataBytes <= second * SECOND, `${dataBytes} of ${second} s`);
      if (second > 1) assert.ok(dataBytes >= SECOND);
    }
    await writer.close();
  });

  test("nothing written is no file; what was begun is told once", async () => {
    const nothing = given();
    assert.deepEqual(await nothing.writer.close(), { dataBytes: 0 });
    assert.equal(existsSync(nothing.path), false);
    const something = given();
    for (let second = 1; second <= 3; second++) something.writer.write(block(second));
    await something.writer.close();
    assert.deepEqual([nothing.begun, something.begun], [0, 1]);
  });

  test("while the disk does not keep up, memory is bounded, and what was lost is silence in its place", async () => {
    const { path, writer, failures } = given();
    // All in one turn of the event loop, so that nothing can be written between.
    for (let second = 1; second <= 40; second++) writer.write(block(second));
    await until(() => existsSync(path) && statSync(path).size >= 44 + 16 * SECOND);
    writer.write(block(41));
    await writer.close();
    const data = readFileSync(path).subarray(44);
    assert.equal(data.length, 41 * SECOND, "the time line is broken");
    const seconds = Array.from({ length: 41 }, (_, index) => data[index * SECOND]);
    const kept = seconds.slice(0, 40).filter((value) => value !== 0);
    assert.ok(kept.length >= 16 && kept.length <= 18, `${kept.length} kept`);
    assert.equal(seconds[40], 41);
    assert.equal(failures.length, 1, "told once");
    assert.match(failures[0]?.message ?? "", /disk is too slow/);
  });

  test("a folder that cannot be made: told once, nothing thrown", async () => {
    const blocker = join(folder, "file");
    writeFileSync(blocker, "");
    const { writer, failures } = given(join(blocker, "x.wav"));
    for (let second = 1; second <= 5; second++) writer.write(block(second));
    assert.deepEqual(await writer.close(), { dataBytes: 0 });
    assert.equal(failures.length, 1);
  });

  test("a file that is there already is neither overwritten nor removed", async () => {
    const path = join(folder, "there.wav");
    writeFileSync(path, "precious");
    const { writer, failures } = given(path);
    writer.write(block(1));
    assert.deepEqual(await writer.close(), { dataBytes: 0 });
    assert.equal(readFileSync(path, "utf8"), "precious");
    assert.equal(failures.length, 1);
  });

  test("every block is let go of once, and not before it is written: also one that is dropped, comes too late or cannot be written", async () => {
    const { path, writer } = given();
    const done: number[] = [];
    for (let second = 0; second < 40; second++) writer.write(block(second), () => done.push(second));
    assert.ok(!done.includes(0), "the first one waits for the disk");
    assert.ok(done.includes(39), "the last one is dropped");
    await writer.close();
    writer.write(block(40), () => done.push(40));
    assert.deepEqual(
      done.toSorted((one, other) => one - other),
      Array.from({ length: 41 }, (_, index) => index),
    );
    const failing = given(path);
    for (let second = 0; second < 5; second++) failing.writer.write(block(second), () => done.push(second));
    await failing.writer.close();
    assert.deepEqual(done.slice(41), [0, 1, 2, 3, 4]);
  });

  const full = join(folder, "full");
  const mounted = mountSmall(full);
  test("a disk that is full keeps what fitted, playable, and says so once", {
    skip: mounted ? false : "needs the right to mount",
  }, async () => {
    const { path, writer, failures } = given(join(full, "x.wav"));
    for (let second = 1; second <= 12; second++) {
      writer.write(block(second));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const { dataBytes } = await writer.close();
    assert.ok(dataBytes >= 2 * SECOND && dataBytes < 12 * SECOND, `${dataBytes}`);
    assert.equal(failures.length, 1);
    assert.match(failures[0]?.message ?? "", /ENOSPC|takes no more/);
    const file = readFileSync(path);
    assert.equal(file.length, 44 + dataBytes);
    assert.equal(readWav(file).dataBytes, dataBytes);
  });
  after(() => (mounted ? execFileSync("umount", [full]) : undefined));
});
