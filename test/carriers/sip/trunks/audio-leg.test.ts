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
    hosts: () => ["pbx"],
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

test("the tenant is told the same as the operator, without hosts and addresses", async () => {
  const { leg, ends } = await answered();
  const sip = { status: 503, reason: "No route to gw-7.carrier.example", q850: null };
  leg.finish({ cause: "lost", detail: "udp:pbx:5060: gw-7.carrier.example (192.0.2.7:5060) closed the connection", sip });
  assert.deepEqual(ends, [
    {
      cause: "lost",
      detail: "udp:pbx:5060: gw-7.carrier.example (192.0.2.7:5060) closed the connection",
      told: "the gateway: the gateway (the gateway) closed the connection",
      sip: { ...sip, reason: "No route to the gateway" },
    },
  ]);
});

test("one that we have hung up is not lost because it is silent while BYE is on its way", async () => {
  const { leg, ends, silent, over } = await answered();
  leg.hangup();
  silent(DEFAULT_TIMERS.silentEndMs);
  over();
  assert.deepEqual([ends.length, ends[0]?.cause], [1, "hangup_local"]);
});

test("one that we have hung up was answered, also when nobody answers our BYE", async (t) => {
  const { leg, ends } = await answered();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  leg.hangup();
  t.mock.timers.tick(DEFAULT_TIMERS.hangupMs);
  assert.deepEqual(ends, [{ ...ends[0], cause: "hangup_local", sip: { status: 200, reason: "OK", q850: null } }]);
});
