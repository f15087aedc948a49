import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createPacer, type Paced } from "../../../../src/carriers/sip/media/createPacer.ts";
import { createFakeClock } from "./support.ts";

interface Turn {
  who: number;
  does: "send" | "hear";
  atMs: number;
  dueMs: number;
}

/** So many members; `hearMs` is how long each is busy with what it hears. */
function given(members: number, hearMs = 0, failed: (error: unknown) => void = () => {}) {
  const clock = createFakeClock();
  const pacer = createPacer(clock, failed);
  const turns: Turn[] = [];
  const due = new Array<number>(members).fill(0);
  const member = (who: number): Paced => ({
    send(dueMs) {
      due[who] = dueMs;
      turns.push({ who, does: "send", atMs: clock.now(), dueMs });
    },
    hear() {
      turns.push({ who, does: "hear", atMs: clock.now(), dueMs: due[who] ?? 0 });
      clock.freeze(hearMs);
    },
  });
  const leave = Array.from({ length: members }, (_, who) => pacer.add(member(who)));
  return { clock, pacer, turns, leave };
}

describe("the pacer", () => {
  test("all of a phase send before any of it does the rest", () => {
    const { clock, turns } = given(20);
    clock.pass(40);
    const first = turns.slice(0, 8);
    assert.deepEqual(
      first.map(({ does }) => does),
      ["send", "send", "send", "send", "hear", "hear", "hear", "hear"],
    );
    assert.equal(new Set(first.map(({ who }) => who)).size, 4);
    assert.equal(new Set(first.map(({ dueMs }) => dueMs)).size, 1);
  });

  test("who falls due while others are busy, or after it stood still, waits for one of them at most", () => {
    const { clock, turns } = given(15, 1);
    clock.pass(100);
    clock.freeze(12);
    clock.pass(1_000);
    const lateMs = turns.filter(({ does }) => does === "send").map(({ atMs, dueMs }) => atMs - dueMs);
    assert.ok(lateMs.length >= 15 * 50);
    assert.ok(Math.max(...lateMs) <= 12 + 2, `${Math.max(...lateMs)} ms late`);
  });

  test("whatever it has to catch up with, everybody sends and hears every frame in turn", () => {
    const { clock, turns } = given(7, 0.2);
    for (const stallMs of [0, 3, 19, 45, 400, 2_000]) {
      clock.pass(100);
      clock.freeze(stallMs);
    }
    clock.pass(200);
    for (let who = 0; who < 7; who++) {
      const own = turns.filter((turn) => turn.who === who);
      assert.ok(own.length >= 2 * 150);
      assert.ok(own.every(({ does }, index) => does === (index % 2 === 0 ? "send" : "hear")));
      const sent = own.filter(({ does }) => does === "send").map(({ dueMs }) => dueMs);
      assert.ok(sent.every((dueMs, index) => index === 0 || Math.abs(dueMs - (sent[index - 1] ?? 0) - 20) < 1e-6));
    }
  });

  test("one that leaves or throws in the middle of a phase holds up nobody", () => {
    const errors: unknown[] = [];
    const clock = createFakeClock();
    const pacer = createPacer(clock, (error) => errors.push(error));
    const heard: string[] = [];
    const add = (hear: () => void) => pacer.add({ send: () => {}, hear });
    // Every fifth is of the same phase.
    const leave: Array<() => void> = [];
    for (let index = 0; index < 20; index++) {
      leave.push(
        add(() => {
          heard.push(`${index}`);
          if (index === 0) leave[5]?.();
          if (index === 10) throw new Error("broken");
        }),
      );
    }
    clock.pass(19);
    assert.deepEqual(errors.map(String), ["Error: broken"]);
    assert.equal(heard.length, 19);
    assert.ok(!heard.includes("5"));
    for (const one of leave) one();
    assert.equal(clock.waiting, 0);
    const again: string[] = [];
    add(() => again.push("again"));
    clock.pass(100);
    assert.equal(again.length, 5);
  });
});
