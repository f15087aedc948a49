import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request } from "undici";
import { type Bed, bareUpsert, median, need, openBed, percentile } from "./support/bed.ts";

const CALLS = 5_000;
const CONNECTIONS = 64;
const ROUNDS = 3;
const IDLE_CALLS = 200;
const FROM = "+972551234567";

/**
 * 5,000 calls through `POST /calls` and the simulated carrier with no talk time, to the last one ended with its transcript
 * and lease given back; then single calls on the idle system, from their admission to their dialling.
 */
export async function dispatch(): Promise<void> {
  const pgbench = need("pgbench", "postgresql-contrib");
  const bed = await openBed({ roles: "api,dispatcher,voice,jobs", callLimit: 200, environment: { SIMULATOR_SPEED: "0" } });
  const agent = new Agent({ connections: CONNECTIONS });
  try {
    await bed.store.house.db.pool.query("create table bench_upsert (phone text primary key, name text not null)");
    const post = (path: string, body: unknown) =>
      request(`${bed.url}${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${bed.token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        dispatcher: agent,
      });
    const agentId = await prepare(bed, post);
    let number = 0;
    const place = async () => {
      const response = await post("/calls", { agent_id: agentId, to: `+4915${String(1_000_000_00 + number++)}7`, from: FROM });
      const answer = (await response.body.json()) as { id: string };
      if (response.statusCode !== 201 && response.statusCode !== 202)
        throw new Error(`POST /calls: ${response.statusCode} ${JSON.stringify(answer)}`);
      return answer.id;
    };

    const rates: number[] = [];
    const bare: number[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const upserts = await bareUpsert(pgbench, bed.socket, round === 0 ? 2 : 5);
      const rate = await burst(bed, place, round === 0 ? 500 : CALLS);
      if (round === 0) continue;
      rates.push(rate);
      bare.push(upserts);
      console.log(`round ${round}: ${rate.toFixed(0)} calls/s; bare upsert ${upserts.toFixed(0)}/s`);
    }

    const waits: number[] = [];
    for (let index = 0; index < IDLE_CALLS; index++) {
      const id = await place();
      await settled(bed);
      const { rows } = await bed.store.house.db.pool.query<{ ms: number }>(
        "select extract(epoch from started_at - created_at)::float8 * 1000 as ms from calls where workspace_id = $1 and id = $2",
        [bed.ctx.workspace.id, id],
      );
      waits.push(rows[0]?.ms ?? Number.NaN);
    }
    const { rows } = await bed.store.house.db.pool.query("select outcome, count(*) from calls group by outcome order by outcome");
    console.log(`outcomes: ${JSON.stringify(rows)}`);
    console.log(
      `dispatch: ${median(rates).toFixed(0)} calls/s (goal 500), ${median(rates.map((rate, index) => rate / (bare[index] ?? 1))).toFixed(3)} of the bare upserts; ` +
        `idle enqueue-to-dial p50 ${percentile(waits, 0.5).toFixed(1)} ms, p99 ${percentile(waits, 0.99).toFixed(1)} ms (goal 10, 50)`,
    );
  } finally {
    await agent.close();
    await bed.close();
  }
}

async function prepare(bed: Bed, post: (path: string, body: unknown) => ReturnType<typeof request>): Promise<string> {
  const response = await post("/agents", {
    name: "Bench",
    system_prompt: "Be brief.",
    language: "en",
    greeting_message: "Hello {{LeadName}}.",
  });
  const { id } = (await response.body.json()) as { id: string };
  await bed.store.house.db.pool.query(
    "insert into phone_numbers (workspace_id, id, phone, country, created_at) values ($1, gen_random_uuid(), $2, 'IL', now())",
    [bed.ctx.workspace.id, FROM],
  );
  return id;
}

async function burst(bed: Bed, place: () => Promise<string>, calls: number): Promise<number> {
  const begun = performance.now();
  let left = calls;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left-- > 0) await place();
    }),
  );
  await settled(bed);
  return calls / ((performance.now() - begun) / 1_000);
}

/** Waits until no call is under way or waiting. */
async function settled(bed: Bed): Promise<void> {
  for (;;) {
    const { rows } = await bed.store.house.db.pool.query<{ busy: boolean }>(
      "select exists (select from live_calls) or exists (select from queued_calls) as busy",
    );
    if (!rows[0]?.busy) return;
    await sleep(5);
  }
}
