import assert from "node:assert/strict";
import { test } from "node:test";
import type { LegEnd } from "../../../../src/carriers/carrier.ts";
import type { MediaHandler } from "../../../../src/carriers/sip/media/media.ts";
import { createAudioLeg } from "../../../../src/carriers/sip/trunks/audioLeg.ts";
import { DEFAULT_TIMERS } from "../../../../src/carriers/sip/trunks/settings.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { openBench } from "../media/support.ts";

/** An answered leg over a session without sockets, and what is told of its end. */
async function answered() {
  const ends: LegEnd[] = [];
  const leg = createAudioLeg({
    handler: { ringing() {}, answered() {}, ended: (end) => ends.push(end) },
    timers: DEFAULT_TIMERS,
    log: createLog("silent"),
    uriOf: () => assert.fail("no transfer"),
    done() {},
  });
  let media: MediaHandler = {};
  await leg.openMedia({
    async open(handler) {
      media = handler;
      return openBench(handler).session;
    },
  });
  const sip = leg.listen((end) => leg.finishAs(end));
  leg.attach({ callId: "a", hangup() {}, refer: () => assert.fail("no transfer") });
  sip.answered();
  const over = () => sip.ended({ why: "bye_sent", detail: "", answered: true, status: 200, reason: null, q850: null });
  return { leg, ends, silent: (ms: number) => media.silent?.(ms), over };
}

test("a leg from which nothing has come for long is lost", async () => {
  const { ends, silent, over } = await answered();
  silent(DEFAULT_TIMERS.silentWarnMs);
  silent(DEFAULT_TIMERS.silentEndMs);
  over();
  assert.deepEqual([ends.length, ends[0]?.cause], [1, "lost"]);
});

test("one that we have hung up is not lost because it is silent while BYE is on its way", async () => {
  const { leg, ends, silent, over } = await answered();
  leg.hangup();
  silent(DEFAULT_TIMERS.silentEndMs);
  over();
  assert.deepEqual([ends.length, ends[0]?.cause], [1, "hangup_local"]);
});
