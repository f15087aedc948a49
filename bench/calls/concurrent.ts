import { setTimeout as sleep } from "node:timers/promises";
import type { Called } from "../support/called.ts";
import { LONG_TALK } from "../support/long-talk.ts";
import { usageOf } from "../support/process-usage.ts";
import type { Product } from "../support/product.ts";
import type { Pacing } from "../support/rtp-lines.ts";
import { slope } from "../support/slope.ts";
import { round } from "../support/spread.ts";

const RAMP_PER_SECOND = 40;
const WARM_UP = 50;
const UP_WITHIN_MS = 20_000;
const SETTLE_MS = 4_000;

export interface Level {
  calls: number;
  /** Of the voice process. */
  residentMb: number;
  cpuSecondsPerSecond: number;
}

export interface Concurrent {
  levels: Level[];
  /** Of the straight line through the levels. */
  kbPerCall: number;
  cpuMsPerSecondAndCall: number;
  /** With the most calls, at the called side. */
  pacing: Pacing;
}

/**
 * Answered calls with sound both ways, recorded, the agent speaking all the time: what the voice process needs for each, and how
 * evenly its packets arrive when there are many.
 */
export async function concurrent(product: Product, called: Called, counts: readonly number[], seconds: number): Promise<Concurrent> {
  const from = await product.line("talking", called.port);
  const agentId = await product.agent(LONG_TALK);
  const grow = async (calls: number) => {
    for (let index = 0; index < calls; index++) {
      await product.place(agentId, from);
      await sleep(1_000 / RAMP_PER_SECOND);
    }
  };
  await called.ask("behave", { holdMs: null, audio: true });
  // Speech is synthesised, code compiled, the pools filled.
  await grow(WARM_UP);
  await called.untilUp(WARM_UP, UP_WITHIN_MS);
  await sleep(SETTLE_MS);
  await called.ask("hangUp");
  await called.untilUp(0, UP_WITHIN_MS);
  await sleep(SETTLE_MS);

  const levels: Level[] = [];
  let up = 0;
  for (const calls of counts) {
    await grow(calls - up);
    await called.untilUp(calls, UP_WITHIN_MS);
    up = calls;
    await sleep(SETTLE_MS);
    await called.ask("measure");
    const { pid, before, began } = { pid: product.pids.voice, before: usageOf(product.pids.voice), began: performance.now() };
    await sleep(seconds * 1_000);
    const { residentMb, cpuSeconds } = usageOf(pid);
    const elapsed = (performance.now() - began) / 1_000;
    levels.push({ calls, residentMb: round(residentMb, 1), cpuSecondsPerSecond: round((cpuSeconds - before.cpuSeconds) / elapsed, 3) });
    console.log(`${calls} calls: ${residentMb.toFixed(1)} MB, ${levels.at(-1)?.cpuSecondsPerSecond} CPU seconds per second`);
  }
  const pacing = await called.ask("pacing");
  await called.ask("hangUp");
  await called.untilUp(0, UP_WITHIN_MS);
  return {
    levels,
    kbPerCall: round(slope(levels.map(({ calls, residentMb }) => [calls, residentMb * 1024])), 0),
    cpuMsPerSecondAndCall: round(slope(levels.map(({ calls, cpuSecondsPerSecond }) => [calls, cpuSecondsPerSecond * 1_000])), 2),
    pacing,
  };
}
