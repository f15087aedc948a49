import { Pool } from "undici";
import { createAgent } from "../src/core/agents/createAgent.ts";
import { addPhoneNumber } from "../src/core/phone-numbers/addPhoneNumber.ts";
import { openBed, percentile } from "./support/bed.ts";

const limit = Number(process.argv[2] ?? 5000),
  n = Number(process.argv[3] ?? 5000),
  conc = Number(process.argv[4] ?? 64);
const bed = await openBed({ roles: process.argv[5] ?? "api,dispatcher,voice", callLimit: limit, environment: { SIMULATOR_SPEED: "0" } });
const { agent } = await createAgent(bed.ctx, {
  settings: { name: "Noa", system_prompt: "Be kind.", language: "en", greeting_message: "Hello" },
});
await addPhoneNumber(bed.ctx, { phone: "+972551234567" });
const pool = new Pool(bed.url, { connections: conc });
const post = async (i: number) => {
  const r = await pool.request({
    path: "/calls",
    method: "POST",
    headers: { authorization: `Bearer ${bed.token}`, "content-type": "application/json" },
    body: JSON.stringify({
      agent_id: agent.id,
      to: `+97250${String(1000000 + ((i * 10 + 7) % 9000000))}`,
      from: "+972551234567",
      variables: { A: "b" },
    }),
  });
  const b = await r.body.text();
  if (r.statusCode > 202) throw new Error(b);
  return r.statusCode;
};
const db = bed.store.house.db.pool;
for (let i = 0; i < 30; i++) await post(8_000_000 + i);
await new Promise((r) => setTimeout(r, 500));
// idle
const lat: number[] = [],
  ids: string[] = [];
for (let i = 0; i < 300; i++) {
  const t = Date.now();
  const _p = performance.now();
  const r = await pool.request({
    path: "/calls",
    method: "POST",
    headers: { authorization: `Bearer ${bed.token}`, "content-type": "application/json" },
    body: JSON.stringify({ agent_id: agent.id, to: `+97250${7000000 + i * 10 + 7}`, from: "+972551234567" }),
  });
  const b: any = await r.body.json();
  ids.push(b.id);
  lat.push(t);
  await new Promise((r) => setTimeout(r, 20));
}
const { rows } = await db.query("select id, started_at from calls where id = any($1::uuid[])", [ids]);
const started = new Map(rows.map((r: any) => [r.id, +r.started_at]));
const d = ids.map((id, i) => started.get(id)! - lat[i]!);
console.log("idle enqueue-to-dial ms p50", percentile(d, 0.5), "p99", percentile(d, 0.99), "max", Math.max(...d));
for (let round = 0; round < Number(process.argv[6] ?? 3); round++) {
  const before = (await db.query("select count(*) c from calls where status = 'ended'")).rows[0].c;
  const t0 = performance.now();
  let next = 0;
  const codes: Record<number, number> = {};
  await Promise.all(
    Array.from({ length: conc * 2 }, async () => {
      for (;;) {
        const i = next++;
        if (i >= n) return;
        const c = await post(round * n + i);
        codes[c] = (codes[c] ?? 0) + 1;
      }
    }),
  );
  const t1 = performance.now();
  for (;;) {
    const c = (await db.query("select count(*) c from calls where status = 'ended'")).rows[0].c;
    if (c - before >= n) break;
    await new Promise((r) => setTimeout(r, 20));
  }
  const t2 = performance.now();
  console.log(
    `round ${round}: accepted ${((n / (t1 - t0)) * 1000).toFixed(0)}/s, ended ${((n / (t2 - t0)) * 1000).toFixed(0)}/s`,
    JSON.stringify(codes),
  );
}
console.log((await db.query("select outcome, count(*) from calls group by 1")).rows);
await pool.close();
await bed.close();
