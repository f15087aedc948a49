import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DEBUGGED, PONG, watchAnswers } from "../../src/cli/watchAnswers.ts";

const EVERY_MS = 1_000;
const PATIENCE = { everyMs: EVERY_MS, unanswered: 10 };

/** A process whose answers the test gives. */
function watched(t: TestContext, patience = PATIENCE) {
  let questions = 0;
  let hangs = 0;
  let asked = () => {};
  const process = Object.assign(new EventEmitter(), {
    connected: true,
    send: () => {
      questions++;
      asked();
      return true;
    },
  });
  // The watch uses nothing else of it.
  t.after(watchAnswers(process as unknown as ChildProcess, patience, () => hangs++));
  return {
    process,
    says: (message: string) => process.emit("message", message),
    whenAsked: (answer: () => void) => {
      asked = answer;
    },
    get questions() {
      return questions;
    },
    get hangs() {
      return hangs;
    },
  };
}

test("ten questions without an answer are a hang, which is told once; nine and an answer are none", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const it = watched(t);
  it.says(PONG);
  t.mock.timers.tick(9 * EVERY_MS);
  it.says(PONG);
  t.mock.timers.tick(10 * EVERY_MS);
  assert.deepEqual([it.questions, it.hangs], [19, 0]);
  t.mock.timers.tick(EVERY_MS);
  assert.equal(it.hangs, 1);
  t.mock.timers.tick(100 * EVERY_MS);
  assert.deepEqual([it.questions, it.hangs], [19, 1]);
});

test("however long loading takes, it is no hang; nor is what is stopped in a debugger, until that goes", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const it = watched(t);
  t.mock.timers.tick(100 * EVERY_MS);
  it.says(PONG);
  it.says(DEBUGGED);
  t.mock.timers.tick(100 * EVERY_MS);
  assert.equal(it.hangs, 0);
  it.says(PONG);
  t.mock.timers.tick(11 * EVERY_MS);
  assert.equal(it.hangs, 1);
});

test("who is asked no more because it was let go is not said to hang", (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const it = watched(t);
  it.says(PONG);
  it.process.connected = false;
  t.mock.timers.tick(100 * EVERY_MS);
  assert.deepEqual([it.questions, it.hangs], [0, 0]);
});

test("a process that is blocked itself, or stopped, does not take its own silence for the other's", async (t) => {
  const it = watched(t, { everyMs: 2, unanswered: 5 });
  it.whenAsked(() => setImmediate(() => it.says(PONG)));
  it.says(PONG);
  for (let block = 0; block < 3; block++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 40);
    await sleep(4);
  }
  assert.ok(it.questions > 0);
  assert.equal(it.hangs, 0);
});
