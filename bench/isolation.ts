import { setTimeout as sleep } from "node:timers/promises";
import { median, need } from "./support/bed.ts";
import { type Called, startCalled } from "./support/called.ts";
import { LONG_TALK } from "./support/long-talk.ts";
import { type Manner, openProduct, type Product } from "./support/product.ts";
import type { Pacing } from "./support/rtp-lines.ts";
import { round } from "./support/spread.ts";
import { runWrk } from "./support/wrk.ts";

const CALLS = 50;
const ROUNDS = 3;
const SECONDS = 8;
const LEAD_CONNECTIONS = 64;
const BIG_CONNECTIONS = 2;
const SETTLE_MS = 4_000;
const UP_WITHIN_MS = 30_000;

interface Round {
  quiet: Pacing;
  loaded: Pacing;
  leadsPerSecond: number;
  bigPerSecond: number;
}

interface Figures {
  /** Of the rounds, in milliseconds. */
  quietP99: number;
  loadedP99: number;
  loadedMax: number;
  ratio: number;
  lost: number;
  leftOut: number;
  /** The called side's own delay: what its figures can be trusted to. */
  ownLateQuietP99: number;
  ownLateLoadedP99: number;
  leadsPerSecond: number;
  bigPerSecond: number;
}

/**
 * How evenly the packets of 50 calls arrive while nothing else happens, and while wrk posts leads, some of them of nearly a
 * megabyte, to the same product: as `leadline start` runs it, and for comparison with all roles in one process.
 * `npm run bench -- isolation [rounds] [seconds]`.
 */
export async function isolation(rounds = Number(process.argv[3] ?? ROUNDS), seconds = Number(process.argv[4] ?? SECONDS)): Promise<void> {
  need("wrk", "wrk");
  need("espeak-ng", "espeak-ng");
  const called = await startCalled();
  const product = await openProduct({ callLimit: CALLS }).catch(async (error: unknown) => {
    await called.close();
    throw error;
  });
  try {
    await called.ask("behave", { holdMs: null, audio: true });
    const from = await product.line("talking", called.port);
    const agentId = await product.agent(LONG_TALK);
    const { json } = await product.post("/v1/lists", { name: "Bench" });
    const { id: listId } = json as { id: string };
    const measured: Partial<Record<Manner, Figures>> = {};
    for (const manner of ["processes", "one process"] as const) {
      if (manner === "one process") await product.restart(manner);
      for (let index = 0; index < CALLS; index++) await product.place(agentId, from);
      await called.untilUp(CALLS, UP_WITHIN_MS);
      await sleep(SETTLE_MS);
      const all: Round[] = [];
      for (let number = 1; number <= rounds; number++) {
        const one = await oneRound(product, called, listId, seconds, all.length + (manner === "processes" ? 1 : 100));
        console.log(
          `${manner}, round ${number}: quiet p99 ${one.quiet.gridMs.p99} ms (called side's own ${one.quiet.ownLateMs.p99}), ` +
            `loaded p99 ${one.loaded.gridMs.p99} ms (${one.loaded.ownLateMs.p99}) ` +
            `with ${one.leadsPerSecond.toFixed(0)} leads/s and ${one.bigPerSecond.toFixed(0)} big bodies/s`,
        );
        all.push(one);
      }
      measured[manner] = figuresOf(all);
      await called.ask("hangUp");
      await called.untilUp(0, UP_WITHIN_MS);
    }
    for (const [manner, one] of Object.entries(measured)) {
      console.log(
        `${manner}: pacing p99 ${one.quietP99} ms quiet, ${one.loadedP99} ms loaded (max ${one.loadedMax}), ratio ${one.ratio}; ` +
          `lost ${one.lost}, left out ${one.leftOut}; the called side's own delay p99 ${one.ownLateQuietP99} ms quiet, ${one.ownLateLoadedP99} ms loaded`,
      );
    }
    console.log(JSON.stringify({ benchmark: "isolation", calls: CALLS, rounds, seconds, ...measured }));
  } finally {
    await product.close();
    await called.close();
  }
}

async function oneRound(product: Product, called: Called, listId: string, seconds: number, number: number): Promise<Round> {
  await called.ask("measure");
  await sleep(seconds * 1_000);
  const quiet = await called.ask("pacing");

  const environment = { BENCH_KEY: product.token, BENCH_LIST: listId, BENCH_ROUND: String(number) };
  const load = { url: `${product.url}/v1/leads`, seconds, environment };
  await called.ask("measure");
  const [leads, big] = await Promise.all([
    runWrk({ ...load, script: "lead.lua", connections: LEAD_CONNECTIONS }),
    runWrk({ ...load, script: "big.lua", connections: BIG_CONNECTIONS }),
  ]);
  const loaded = await called.ask("pacing");
  return { quiet, loaded, leadsPerSecond: leads.requests / leads.seconds, bigPerSecond: big.requests / big.seconds };
}

function figuresOf(all: readonly Round[]): Figures {
  const middle = (of: (one: Round) => number) => round(median(all.map(of)), 2);
  const sum = (of: (one: Round) => number) => all.reduce((total, one) => total + of(one), 0);
  return {
    quietP99: middle((one) => one.quiet.gridMs.p99),
    loadedP99: middle((one) => one.loaded.gridMs.p99),
    loadedMax: middle((one) => one.loaded.gridMs.max),
    ratio: middle((one) => one.loaded.gridMs.p99 / one.quiet.gridMs.p99),
    lost: sum((one) => one.quiet.lost + one.loaded.lost),
    leftOut: sum((one) => one.quiet.skipped + one.loaded.skipped),
    ownLateQuietP99: middle((one) => one.quiet.ownLateMs.p99),
    ownLateLoadedP99: middle((one) => one.loaded.ownLateMs.p99),
    leadsPerSecond: middle((one) => one.leadsPerSecond),
    bigPerSecond: middle((one) => one.bigPerSecond),
  };
}
