import assert from "node:assert/strict";
import type { TestContext } from "node:test";

export interface Disturbance {
  /** What was wrong with sound that has come through our jitter buffer. */
  fault: string | undefined;
  /** For how long this process or the telephone stood still during the call, at most. */
  stoodStillMs: number;
}

/** Two frames: what a jitter buffer holds back at least. */
const NOTICED_MS = 40;
const MORE = 4;

/**
 * Makes a call again whose sound was spoilt while this process or the telephone stood still: a jitter buffer has to move what it
 * could not play in time. Whatever else goes wrong in it fails the test at once, and so does a fault on a machine that was quiet.
 */
export async function unlessDisturbed(test: TestContext, call: () => Promise<Disturbance>): Promise<void> {
  for (let left = MORE; ; left--) {
    const { fault, stoodStillMs } = await call();
    if (fault === undefined) return;
    const told = `${fault}; one of both sides stood still for ${Math.round(stoodStillMs)} ms`;
    if (left === 0 || stoodStillMs < NOTICED_MS) assert.fail(told);
    test.diagnostic(`once more: ${told}`);
  }
}
