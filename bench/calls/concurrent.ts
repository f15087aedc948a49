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
  /** Heap and buffers that are in use, the garbage collected. */
  usedMb: number;
  cpuSecondsPerSecond: number;
}

export interface Concurrent {
  levels: Level[];
  /** These three of the straight line through the levels. */
  residentKbPerCall: number;
  usedKbPerCall: number;
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
  let pacing = await called.ask("pacing");
  let up = 0;
  for (const calls of counts) {
    await grow(calls - up);
    await called.untilUp(calls, UP_WITHIN_MS);
    up = calls;
    await sleep(SETTLE_MS);
    await called.ask("measure");
    const pid = product.pids.voice;
    const before = usageOf(pid);
    const began = performance.now();
    await sleep(seconds * 1_000);
    const { residentMb, cpuSeconds } = usageOf(pid);
    const elapsed = (performance.now() - began) / 1_000;
    pacing = await called.ask("pacing");
    // Collecting garbage stops the process for a moment, so it comes last.
    const { heapMb, externalMb } = await product.heap(pid);
    const cpuSecondsPerSecond = round((cpuSeconds - before.cpuSeconds) / elapsed, 3);
    levels.push({ calls, residentMb: round(residentMb, 1), usedMb: round(heapMb + externalMb, 1), cpuSecondsPerSecond });
    console.log(
      `${calls} calls: ${residentMb.toFixed(1)} MB, ${(heapMb + externalMb).toFixed(1)} MB in use, ${cpuSecondsPerSecond} CPU seconds per second`,
    );
  }
  await called.ask("hangUp");
  await called.untilUp(0, UP_WITHIN_MS);
  return {
    levels,
    residentKbPerCall: round(slope(levels.map(({ calls, residentMb }) => [calls, residentMb * 1024])), 0),
    usedKbPerCall: round(slope(levels.map(({ calls, usedMb }) => [calls, usedMb * 1024])), 0),
    cpuMsPerSecondAndCall: round(slope(levels.map(({ calls, cpuSecondsPerSecond }) => [calls, cpuSecondsPerSecond * 1_000])), 2),
    pacing,
  };
}
