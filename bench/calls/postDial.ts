import { setTimeout as sleep } from "node:timers/promises";
import { median } from "../support/bed.ts";
import type { Called } from "../support/called.ts";
import type { PlacedCall, Product } from "../support/product.ts";
import type { SeenCall } from "../support/sip-answerer.ts";
import { callWithSipp, startSippCalled } from "../support/sipp.ts";
import { round, type Spread, spread } from "../support/spread.ts";

const PER_SECOND = 20;
const HOLD_MS = 500;
const SETTLE_MS = 1_500;

/** Medians of the rounds, in milliseconds. */
export interface PostDial {
  /** From the request given to the socket to the INVITE at the called side. */
  requestToInvite: Spread;
  /** From the answer to that request. The INVITE may come first. */
  responseToInvite: Spread;
  /** A bare upsert, committed, while the calls are made: what the disk does to everything here, of which a call waits for two in a row. */
  bareCommit: Spread;
  /** From the 200 OK of the called side to our ACK at it. */
  okToAck: Spread;
  /** sipp calls the called side. */
  sippOkToAck: Spread;
  /** From an INVITE of the called side's process to the 180 of sipp. */
  sippInviteToRinging: Spread;
  /** What stands between a request and a ringing phone because of us. */
  addedP99: number;
}

type Figures = Omit<PostDial, "addedP99">;

/** Calls at a moderate rate, timed at the called side, in turns with sipp doing its part of the same. */
export async function postDial(product: Product, called: Called, calls: number, rounds: number): Promise<PostDial> {
  const from = await product.line("timed", called.port);
  const agentId = await product.agent({ greeting_message: "Hello." });
  await called.ask("behave", { holdMs: HOLD_MS, audio: true });
  await product.store.house.db.pool.query("create table bench_upsert (id int primary key, count int not null)");
  const all: Figures[] = [];
  for (let number = 0; number <= rounds; number++) {
    const figures = await oneRound(product, called, agentId, from, number === 0 ? PER_SECOND : calls);
    if (number === 0) continue;
    all.push(figures);
    const { requestToInvite: ours, okToAck } = figures;
    console.log(
      `post-dial, round ${number}: to INVITE p50 ${ours.p50} ms, p99 ${ours.p99} ms; bare commit p99 ${figures.bareCommit.p99} ms; 200 to ACK p99 ${okToAck.p99} ms`,
    );
  }
  const middle = (name: keyof Figures): Spread => {
    const of = (key: keyof Spread) => round(median(all.map((figures) => figures[name][key])), 2);
    return { p50: of("p50"), p99: of("p99"), p999: of("p999"), max: of("max") };
  };
  const requestToInvite = middle("requestToInvite");
  const sippInviteToRinging = middle("sippInviteToRinging");
  return {
    requestToInvite,
    responseToInvite: middle("responseToInvite"),
    bareCommit: middle("bareCommit"),
    okToAck: middle("okToAck"),
    sippOkToAck: middle("sippOkToAck"),
    sippInviteToRinging,
    addedP99: round(median(all.map((figures) => figures.requestToInvite.p99 - figures.sippInviteToRinging.p99)), 2),
  };
}

async function oneRound(product: Product, called: Called, agentId: string, from: string, calls: number): Promise<Figures> {
  const committing = bareCommits(product, calls);
  const placed: Array<Promise<PlacedCall>> = [];
  for (const began = performance.now(); placed.length < calls; ) {
    placed.push(product.place(agentId, from));
    await sleep(Math.max(0, began + (placed.length * 1_000) / PER_SECOND - performance.now()));
  }
  const requests = new Map((await Promise.all(placed)).map((one) => [one.to, one]));
  const bareCommit = await committing;
  await sleep(SETTLE_MS);
  const ours = await called.ask("calls");
  const missing = ours.filter((one) => Number.isNaN(one.ackMs)).length + calls - ours.length;
  if (missing > 0) throw new Error(`${missing} of ${calls} calls did not come to be`);

  await callWithSipp(called.port, calls, PER_SECOND);
  await sleep(SETTLE_MS);
  const sipps = await called.ask("calls");
  const peer = await startSippCalled(HOLD_MS);
  const ringing = await called.ask("dial", { port: peer.port, calls, perSecond: PER_SECOND }).finally(() => peer.close());
  const of = (one: SeenCall) => requests.get(one.to) ?? { postedMs: Number.NaN, answeredMs: Number.NaN };
  return {
    requestToInvite: spread(ours.map((one) => one.inviteMs - of(one).postedMs)),
    responseToInvite: spread(ours.map((one) => one.inviteMs - of(one).answeredMs)),
    bareCommit: spread(bareCommit),
    okToAck: spread(ours.map((one) => one.ackMs - one.okMs)),
    sippOkToAck: spread(sipps.map((one) => one.ackMs - one.okMs)),
    sippInviteToRinging: spread(ringing),
  };
}

async function bareCommits({ store }: Product, count: number): Promise<number[]> {
  const took: number[] = [];
  while (took.length < count) {
    const began = performance.now();
    await store.house.db.pool.query("insert into bench_upsert values (1, 1) on conflict (id) do update set count = bench_upsert.count + 1");
    took.push(performance.now() - began);
    await sleep(1_000 / PER_SECOND);
  }
  return took;
}
