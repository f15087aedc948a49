import { createList } from "../src/core/lists/createList.ts";
import { bareUpsert, median, need, openBed, run } from "./support/bed.ts";

const ROUNDS = 5;
const SECONDS = 8;
const CONNECTIONS = 64;

interface WrkResult {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  non2xx: number;
  socketErrors: number;
}

/**
 * `POST /v1/leads` with everything on, against `pgbench -M prepared -c 16` doing a bare one-row upsert on the same server.
 * The two take turns, so that a slow spell of the machine meets both; the figures are medians of the rounds.
 */
export async function intake(): Promise<void> {
  const wrk = need("wrk", "wrk");
  const pgbench = need("pgbench", "postgresql-contrib");
  const bed = await openBed({ roles: "api" });
  try {
    const list = await createList(bed.ctx, { name: "Bench" });
    await bed.store.house.db.pool.query("create table bench_upsert (phone text primary key, name text not null)");
    const upserts: number[] = [];
    const leads: WrkResult[] = [];
    for (let round = 0; round <= ROUNDS; round++) {
      const seconds = round === 0 ? 3 : SECONDS;
      const upsert = await bareUpsert(pgbench, bed.socket, seconds);
      const lead = await postLeads(wrk, bed.url, seconds, { BENCH_KEY: bed.token, BENCH_LIST: list.id, BENCH_ROUND: String(round) });
      if (round === 0) continue;
      upserts.push(upsert);
      leads.push(lead);
      console.log(
        `round ${round}: ${perSecond(lead).toFixed(0)} leads/s (p50 ${lead.p50Ms} ms, p99 ${lead.p99Ms} ms), bare upsert ${upsert.toFixed(0)}/s`,
      );
    }
    const { rows } = await bed.store.house.db.pool.query<Record<string, number>>(
      `select (select count(*) from leads) as leads, (select count(*) from list_members) as members, (select count(*) from events) as events`,
    );
    const rate = median(leads.map(perSecond));
    console.log(
      `stored: ${JSON.stringify(rows[0])}; refused or broken: ${leads.reduce((sum, one) => sum + one.non2xx + one.socketErrors, 0)}`,
    );
    console.log(
      `intake: ${rate.toFixed(0)} leads/s, p50 ${median(leads.map((one) => one.p50Ms)).toFixed(2)} ms, p99 ${median(leads.map((one) => one.p99Ms)).toFixed(2)} ms; ` +
        `bare upsert ${median(upserts).toFixed(0)}/s; ratio ${median(leads.map((one, index) => perSecond(one) / (upserts[index] ?? 1))).toFixed(2)} (goal 1.0)`,
    );
  } finally {
    await bed.close();
  }
}

const perSecond = (result: WrkResult): number => (result.requests - result.non2xx) / result.seconds;

async function postLeads(wrk: string, url: string, seconds: number, environment: Record<string, string>): Promise<WrkResult> {
  const script = new URL("support/lead.lua", import.meta.url).pathname;
  const out = await run(wrk, ["-t", "1", "-c", String(CONNECTIONS), "-d", `${seconds}s`, "-s", script, `${url}/v1/leads`], environment);
  return JSON.parse(/RESULT (.*)/.exec(out)?.[1] ?? "{}") as WrkResult;
}
