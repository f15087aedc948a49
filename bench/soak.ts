import { setTimeout as sleep } from "node:timers/promises";
import { need } from "./support/bed.ts";
import { type Called, startCalled } from "./support/called.ts";
import { type Handles, handlesOf, usageOf } from "./support/process-usage.ts";
import { openProduct, type Product } from "./support/product.ts";
import { slope } from "./support/slope.ts";
import { round } from "./support/spread.ts";
import { untilNoCalls } from "./support/untilNoCalls.ts";

const CALLS = 10_000;
const PER_SECOND = 60;
const HOLD_MS = 1_000;
const CALL_LIMIT = 400;
const WARM_UP = 50;
/** SIP knows a call for 64 times T1 after its end (RFC 3261 17): only then as many are forgotten as begin. */
const LINGER_SECONDS = 36;
const SAMPLE_MS = 1_000;
/** The last so much of the run must be flat. */
const TAIL = 0.8;
const MARKS = [0.1, 0.5, 1] as const;

const PROCESSES = ["voice", "main"] as const;
type Which = (typeof PROCESSES)[number];

interface Sample {
  calls: number;
  residentMb: Record<Which, number>;
}

interface Mark {
  /** Of the calls that are placed; `idle`: all are over, and SIP has forgotten them. */
  at: number | "idle";
  residentMb: number;
  /** With the garbage collected: heap and buffers. */
  heapMb: number;
  externalMb: number;
}

interface Memory {
  marks: Mark[];
  idle: Mark;
  /** Of the straight line through the last 80 % of the calls, for so many calls. */
  residentTailMb: number;
  /** From the first mark to the last. */
  heapGrowthMb: number;
  externalGrowthMb: number;
}

/**
 * 10,000 calls of a second each, one after the other at 60 a second, spoken and recorded: memory of both processes while they pass,
 * and what is left when the last one is over. `npm run bench -- soak [calls] [per second]`.
 */
export async function soak(calls = Number(process.argv[3] ?? CALLS), perSecond = Number(process.argv[4] ?? PER_SECOND)): Promise<void> {
  need("espeak-ng", "espeak-ng");
  const called = await startCalled();
  const product = await openProduct({ callLimit: CALL_LIMIT }).catch(async (error: unknown) => {
    await called.close();
    throw error;
  });
  try {
    const from = await product.line("short", called.port);
    const agentId = await product.agent({ greeting_message: "Hello, this is Bench.", recording_enabled: true });
    await called.ask("behave", { holdMs: HOLD_MS, audio: true });
    await placeMany(product, agentId, from, WARM_UP, perSecond);
    await untilNoCalls(product);
    const before = eachProcess((which) => handlesOf(product.pids[which]));
    await placeMany(product, agentId, from, LINGER_SECONDS * perSecond, perSecond);

    const began = performance.now();
    const { samples, marks } = await watched(product, calls, (placed) =>
      placeMany(product, agentId, from, calls, perSecond, placed).then(() => untilNoCalls(product)),
    );
    const rate = calls / ((performance.now() - began) / 1_000);
    await sleep(LINGER_SECONDS * 1_000);
    const idle = { voice: await markOf(product, "voice", "idle"), main: await markOf(product, "main", "idle") };
    const after = eachProcess((which) => handlesOf(product.pids[which]));
    const left = await leftovers(product, called, from);
    const memory = eachProcess((which) => memoryOf(which, samples, marks[which], idle[which]));
    report({ calls, rate, memory, before, after, left });
  } finally {
    await product.close();
    await called.close();
  }
}

const eachProcess = <T>(of: (which: Which) => T): Record<Which, T> => ({ voice: of("voice"), main: of("main") });

/** As fast as they are taken, but no faster than that. */
async function placeMany(
  product: Product,
  agentId: string,
  from: string,
  calls: number,
  perSecond: number,
  placed: (count: number) => void = () => undefined,
): Promise<void> {
  const requests: Array<Promise<unknown>> = [];
  const began = performance.now();
  for (let index = 0; index < calls; index++) {
    requests.push(product.place(agentId, from));
    placed(index + 1);
    await sleep(Math.max(0, began + ((index + 1) * 1_000) / perSecond - performance.now()));
  }
  await Promise.all(requests);
}

/** Samples both processes while `work` runs, and looks into their heaps at the marks. */
async function watched(
  product: Product,
  calls: number,
  work: (placed: (count: number) => void) => Promise<void>,
): Promise<{ samples: Sample[]; marks: Record<Which, Mark[]> }> {
  const samples: Sample[] = [];
  const marks: Record<Which, Mark[]> = { voice: [], main: [] };
  let placed = 0;
  let over = false;
  const mark = async (share: number) => {
    for (const which of PROCESSES) marks[which].push(await markOf(product, which, share));
  };
  const watch = async () => {
    const due: number[] = [...MARKS];
    while (!over) {
      samples.push({ calls: placed, residentMb: eachProcess((which) => usageOf(product.pids[which]).residentMb) });
      if (placed >= (due[0] ?? 1) * calls && due.length > 1) await mark(due.shift() ?? 1);
      await sleep(SAMPLE_MS);
    }
  };
  const watching = watch();
  try {
    await work((count) => {
      placed = count;
    });
  } finally {
    over = true;
    await watching;
  }
  await mark(1);
  return { samples, marks };
}

async function markOf(product: Product, which: Which, at: Mark["at"]): Promise<Mark> {
  const { residentMb } = usageOf(product.pids[which]);
  const { heapMb, externalMb } = await product.heap(product.pids[which]);
  const when = at === "idle" ? at : `at ${at * 100} %`;
  console.log(`${which} ${when}: ${residentMb.toFixed(1)} MB resident, heap ${heapMb.toFixed(1)} MB, buffers ${externalMb.toFixed(1)} MB`);
  return { at, residentMb: round(residentMb, 1), heapMb: round(heapMb, 1), externalMb: round(externalMb, 1) };
}

function memoryOf(which: Which, samples: readonly Sample[], marks: Mark[], idle: Mark): Memory {
  const calls = samples.at(-1)?.calls ?? 0;
  const tail = samples.filter((sample) => sample.calls >= calls * (1 - TAIL));
  const [first, last] = [marks[0], marks.at(-1)];
  const perCall = slope(tail.map((sample) => [sample.calls, sample.residentMb[which]]));
  return {
    marks,
    idle,
    residentTailMb: round(perCall * calls * TAIL, 1),
    heapGrowthMb: round((last?.heapMb ?? 0) - (first?.heapMb ?? 0), 1),
    externalGrowthMb: round((last?.externalMb ?? 0) - (first?.externalMb ?? 0), 1),
  };
}

interface Leftovers {
  outcomes: Record<string, number>;
  liveCalls: number;
  recordings: number;
  /** Of the called side. */
  callsNotEnded: number;
}

async function leftovers({ store }: Product, called: Called, from: string): Promise<Leftovers> {
  const { pool } = store.house.db;
  const { rows } = await pool.query<{ outcome: string; count: number }>(
    "select coalesce(outcome, status) as outcome, count(*)::int from calls where from_number = $1 group by 1",
    [from],
  );
  const { rows: counts } = await pool.query<{ live: number; recordings: number }>(
    "select (select count(*)::int from live_calls) as live, (select count(*)::int from recordings where duration_ms is not null) as recordings",
  );
  const { seen, ended } = await called.ask("state");
  return {
    outcomes: Object.fromEntries(rows.map(({ outcome, count }) => [outcome, count])),
    liveCalls: counts[0]?.live ?? Number.NaN,
    recordings: counts[0]?.recordings ?? Number.NaN,
    callsNotEnded: seen - ended,
  };
}

interface Result {
  calls: number;
  rate: number;
  memory: Record<Which, Memory>;
  before: Record<Which, Handles>;
  after: Record<Which, Handles>;
  left: Leftovers;
}

function report({ calls, rate, memory, before, after, left }: Result): void {
  for (const which of PROCESSES) {
    const { marks, idle, residentTailMb, heapGrowthMb, externalGrowthMb } = memory[which];
    console.log(
      `${which}: ${marks.map(({ at, residentMb }) => `${residentMb} MB at ${Number(at) * 100} %`).join(", ")}, ${idle.residentMb} MB idle; over the last ${TAIL * 100} %: ` +
        `${residentTailMb} MB resident; from the first mark: heap ${heapGrowthMb} MB, buffers ${externalGrowthMb} MB; ` +
        `open files ${before[which].files} before, ${after[which].files} after; UDP ports ${before[which].udpPorts.length}, ${after[which].udpPorts.length}`,
    );
  }
  console.log(`soak: ${calls} calls at ${rate.toFixed(1)}/s; ${JSON.stringify(left)}`);
  const counted = (handles: Record<Which, Handles>) =>
    eachProcess((which) => ({ files: handles[which].files, udpPorts: handles[which].udpPorts.length }));
  console.log(
    JSON.stringify({
      benchmark: "soak",
      calls,
      callsPerSecond: round(rate, 1),
      memory,
      before: counted(before),
      after: counted(after),
      left,
    }),
  );
}
