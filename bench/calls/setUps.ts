import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../support/bed.ts";
import type { Product } from "../support/product.ts";
import { callWithSipp, startSippCalled } from "../support/sipp.ts";
import { round } from "../support/spread.ts";

const CONNECTIONS = 64;
const HOLD_MS = 500;
const WARM_UP = 100;
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
    const rates: number[] = [];
    const sippRates: number[] = [];
    let failed = 0;
    for (let number = 0; number <= rounds; number++) {
      const round = await burst(product, agentId, from, number === 0 ? WARM_UP : calls);
      if (number === 0) continue;
      const sipp = await highestCleanRate(called.port);
      console.log(`set-ups, round ${number}: ${round.perSecond.toFixed(0)}/s, ${round.failed} failed; sipp to sipp ${sipp.toFixed(0)}/s`);
      rates.push(round.perSecond);
      sippRates.push(sipp);
      failed += round.failed;
    }
    return {
      perSecond: round(median(rates), 1),
      rounds: rates.map((rate) => round(rate, 1)),
      failedShare: round(failed / (calls * rounds), 5),
      sippPerSecond: round(median(sippRates), 0),
      ratio: round(median(rates.map((rate, index) => rate / (sippRates[index] ?? 1))), 3),
    };
  } finally {
    await called.close();
  }
}

async function burst(product: Product, agentId: string, from: string, calls: number): Promise<{ perSecond: number; failed: number }> {
  const { pool } = product.store.house.db;
  const began = new Date();
  let left = calls;
  const place = async () => {
    while (left-- > 0) await product.place(agentId, from);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, place));
  for (;;) {
    const { rows } = await pool.query<{ busy: boolean }>(
      "select exists (select from live_calls) or exists (select from queued_calls) as busy",
    );
    if (!rows[0]?.busy) break;
    await sleep(20);
  }
  const { rows } = await pool.query<{ answered: number; last: Date }>(
    "select count(answered_at)::int as answered, max(answered_at) as last from calls where from_number = $1 and created_at >= $2",
    [from, began],
  );
  const { answered = 0, last = began } = rows[0] ?? {};
  return { perSecond: answered / ((last.getTime() - began.getTime()) / 1_000), failed: calls - answered };
}

/** At which sipp loses no call and sends nothing twice. */
async function highestCleanRate(port: number): Promise<number> {
  let best = 0;
  for (const rate of SIPP_RATES) {
    const { answered, failed, retransmissions } = await callWithSipp(port, rate * SIPP_SECONDS, rate);
    if (failed > 0 || retransmissions > 0 || answered < rate * SIPP_SECONDS) return best;
    best = rate;
  }
  return best;
}
