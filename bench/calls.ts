import { concurrent } from "./calls/concurrent.ts";
import { postDial } from "./calls/postDial.ts";
import { setUps } from "./calls/setUps.ts";
import { need } from "./support/bed.ts";
import { startCalled } from "./support/called.ts";
import { openProduct } from "./support/product.ts";

const SET_UPS = 1_000;
const DIALS = 200;
const COUNTS = [0, 50, 100, 200];
const MEASURED_SECONDS = 10;
/** At once, of all that are under way: as many as a machine of this size is given. */
const CALL_LIMIT = 200;

/**
 * The whole product over a SIP trunk: set-ups per second, what it adds between a request and a ringing phone, and what many calls
 * at once need. `npm run bench -- calls [rounds] [share of the size]`.
 */
export async function calls(rounds = Number(process.argv[3] ?? 3), size = Number(process.argv[4] ?? 1)): Promise<void> {
  need("sipp", "sip-tester");
  need("espeak-ng", "espeak-ng");
  const called = await startCalled();
  const product = await openProduct({ callLimit: CALL_LIMIT }).catch(async (error: unknown) => {
    await called.close();
    throw error;
  });
  try {
    const part = (whole: number) => Math.round(whole * size);
    const measured = {
      setUps: await setUps(product, part(SET_UPS), rounds),
      postDial: await postDial(product, called, part(DIALS), rounds),
      concurrent: await concurrent(product, called, COUNTS.map(part), Math.max(2, part(MEASURED_SECONDS))),
    };
    const { setUps: rate, postDial: dial, concurrent: many } = measured;
    const { gridMs: grid, intervalMs: interval, ownLateMs: own } = many.pacing;
    console.log(
      [
        `set-ups: ${rate.perSecond}/s (goal 100), ${rate.failedShare * 100} % failed; ${rate.ratio} of sipp to sipp, ${rate.sippPerSecond}/s`,
        `a call: ${rate.cpuMsPerCall.voice} ms of processor in the voice process, ${rate.cpuMsPerCall.main} ms in the other; ${rate.commitsPerCall} commits`,
        `post-dial: request to INVITE p50 ${dial.requestToInvite.p50} ms, p99 ${dial.requestToInvite.p99} ms; added p99 ${dial.addedP99} ms (goal 20); ` +
          `bare commit p50 ${dial.bareCommit.p50} ms, p99 ${dial.bareCommit.p99} ms`,
        `200 to ACK: p50 ${dial.okToAck.p50} ms, p99 ${dial.okToAck.p99} ms; sipp p50 ${dial.sippOkToAck.p50} ms, p99 ${dial.sippOkToAck.p99} ms`,
        `${many.levels.at(-1)?.calls} calls: ${many.residentKbPerCall} KB resident (${many.usedKbPerCall} KB in use) and ${many.cpuMsPerSecondAndCall} ms of processor per second each; pacing p99 ` +
          `${grid.p99} ms, interval p99 ${interval.p99} ms, max ${interval.max} ms (goal p99 5); lost ${many.pacing.lost}, ` +
          `left out ${many.pacing.skipped}; the called side's own delay p99 ${own.p99} ms`,
      ].join("\n"),
    );
    console.log(JSON.stringify({ benchmark: "calls", rounds, size, ...measured }));
  } finally {
    await product.close();
    await called.close();
  }
}
