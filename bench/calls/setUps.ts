import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../support/bed.ts";
import { usageOf } from "../support/process-usage.ts";
import type { Product } from "../support/product.ts";
import { callWithSipp, startSippCalled } from "../support/sipp.ts";
import { round } from "../support/spread.ts";
import { untilNoCalls } from "../support/untilNoCalls.ts";

const CONNECTIONS = 64;
const HOLD_MS = 500;
const WARM_UP = 100;
/** Until PostgreSQL's counters show what its sessions did. */
const STATISTICS_MS = 1_200;
const SIPP_SECONDS = 2;
/** Calls per second that sipp is tried at, until one is too many for it. */
const SIPP_RATES = [250, 500, 1_000, 2_000, 4_000];

export interface SetUps {
  perSecond: number;
  rounds: number[];
  /** Of the calls of all rounds. */
  failedShare: number;
  sippPerSecond: number;
  /** Of what sipp does with itself in the same round. */
  ratio: number;
  /** Processor time of the product's two processes, from the request to the end with its recording. */
  cpuMsPerCall: { voice: number; main: number };
  /** Of PostgreSQL, with those of our looking on. */
  commitsPerCall: number;
}

/**
 * Calls through `POST /calls` as fast as they are taken, each answered at once by sipp, which hangs up after half a second; in turns
 * with sipp calling that sipp. From the first request to the last answer.
 */
export async function setUps(product: Product, calls: number, rounds: number): Promise<SetUps> {
  const called = await startSippCalled(HOLD_MS);
  try {
    const from = await product.line("sipp", called.port);
    const agentId = await product.agent({ greeting_message: "Hello." });
    const sippRates: number[] = [];
    const bursts: Burst[] = [];
    for (let number = 0; number <= rounds; number++) {
      const one = await burst(product, agentId, from, number === 0 ? WARM_UP : calls);
      if (number === 0) continue;
      const sipp = await highestCleanRate();
      console.log(`set-ups, round ${number}: ${one.perSecond.toFixed(0)}/s, ${one.failed} failed; sipp to sipp ${sipp.toFixed(0)}/s`);
      bursts.push(one);
      sippRates.push(sipp);
    }
    await product.removeLine("sipp");
    const rates = bursts.map((one) => one.perSecond);
    const middle = (of: (one: Burst) => number) => round(median(bursts.map(of)), 2);
    return {
      perSecond: round(median(rates), 1),
      rounds: rates.map((rate) => round(rate, 1)),
      failedShare: round(bursts.reduce((sum, one) => sum + one.failed, 0) / (calls * rounds), 5),
      sippPerSecond: round(median(sippRates), 0),
      ratio: round(median(rates.map((rate, index) => rate / (sippRates[index] ?? 1))), 3),
      cpuMsPerCall: { voice: middle((one) => one.cpuMsPerCall.voice), main: middle((one) => one.cpuMsPerCall.main) },
      commitsPerCall: middle((one) => one.commitsPerCall),
    };
  } finally {
    await called.close();
  }
}

interface Burst {
  perSecond: number;
  failed: number;
  cpuMsPerCall: SetUps["cpuMsPerCall"];
  commitsPerCall: number;
}

async function burst(product: Product, agentId: string, from: string, calls: number): Promise<Burst> {
  const { pool } = product.store.house.db;
  const before = { voice: usageOf(product.pids.voice), main: usageOf(product.pids.main), commits: await commits(product) };
  const began = new Date();
  let left = calls;
  const place = async () => {
    while (left-- > 0) await product.place(agentId, from);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, place));
  await untilNoCalls(product);
  await sleep(STATISTICS_MS);
  const { rows } = await pool.query<{ answered: number; last: Date | null }>(
    "select count(answered_at)::int as answered, max(answered_at) as last from calls where from_number = $1 and created_at >= $2",
    [from, began],
  );
  const { answered = 0, last = null } = rows[0] ?? {};
  if (last === null) throw new Error("No call was answered.");
  const cpu = (which: "voice" | "main") => ((usageOf(product.pids[which]).cpuSeconds - before[which].cpuSeconds) * 1_000) / calls;
  return {
    perSecond: answered / ((last.getTime() - began.getTime()) / 1_000),
    failed: calls - answered,
    cpuMsPerCall: { voice: round(cpu("voice"), 2), main: round(cpu("main"), 2) },
    commitsPerCall: round(((await commits(product)) - before.commits) / calls, 2),
  };
}

async function commits({ store }: Product): Promise<number> {
  const { rows } = await store.house.db.pool.query<{ commits: number }>(
    "select xact_commit::int as commits from pg_stat_database where datname = current_database()",
  );
  return rows[0]?.commits ?? Number.NaN;
}

/** At which sipp, calling another sipp, loses no call and sends nothing twice. */
async function highestCleanRate(): Promise<number> {
  const called = await startSippCalled(HOLD_MS);
  try {
    let best = 0;
    for (const rate of SIPP_RATES) {
      const { answered, failed, retransmissions } = await callWithSipp(called.port, rate * SIPP_SECONDS, rate);
      if (failed > 0 || retransmissions > 0 || answered < rate * SIPP_SECONDS) break;
      best = rate;
    }
    return best;
  } finally {
    await called.close();
  }
}
