import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { startBaresip } from "./support/baresip.ts";
import { compareMoved } from "./support/compare-sound.ts";
import { healthOf } from "./support/healthOf.ts";
import { startLine } from "./support/line.ts";
import { recordingOf } from "./support/recording-of.ts";
import { readWav, writeWav } from "./support/sound.ts";
import { spoken } from "./support/spoken.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";

/** A trunk that offers SRTP (RFC 4568), and telephones that we did not write: encrypted when they can, plain when not. */
const skip = missing("baresip", "espeak-ng");
const line = await startLine();

const GREETING = "Hello Dana, this is the clinic. We call about your appointment.";
const COUNTING = "One two three four five six seven eight nine ten.";
const [greeting, counting] = skip ? [new Int16Array(), new Int16Array()] : await Promise.all([spoken(GREETING), spoken(COUNTING)]);
const plays = join(temporaryFolder(), "counting.wav");
const silence = new Int16Array(8_000 * 30);
writeWav(plays, Int16Array.from([...silence.subarray(0, 8_000), ...counting, ...silence]));

/** The words are there. What is deciphered with a wrong key, or not at all, is noise that is like nothing. */
function assertHeard(who: string, wanted: Int16Array, heard: Int16Array | undefined): void {
  const compared = compareMoved(wanted, heard ?? new Int16Array());
  assert.ok(compared.correlation > 0.5, `${who}: ${JSON.stringify(compared)}`);
}

describe("a trunk that offers SRTP", { skip, concurrency: true }, () => {
  for (const { what, way, mediaenc, encrypted } of [
    { what: "a call to a phone that can", way: "out", mediaenc: "srtp", encrypted: true },
    { what: "a call to a phone that cannot", way: "out", mediaenc: null, encrypted: false },
    { what: "a call from a phone that can do without", way: "in", mediaenc: "srtp", encrypted: true },
    { what: "a call from a phone that insists on it", way: "in", mediaenc: "srtp-mand", encrypted: true },
    { what: "a call from a phone that cannot", way: "in", mediaenc: null, encrypted: false },
  ] as const) {
    test(`${what} is ${encrypted ? "encrypted" : "plain"}, and heard on both sides`, async () => {
      const secure = mediaenc === null ? {} : { modules: ["srtp"], account: `;mediaenc=${mediaenc}` };
      const phone = await startBaresip({ plays, user: "+972501234567", ...secure });
      const subscriber = await line.subscriber({
        trunk: { gateways: [`udp:127.0.0.1:${phone.port}`], inboundNetworks: ["127.0.0.1/32"], srtp: "offer" },
        agent: { greeting_message: GREETING, max_call_duration_secs: 8 },
      });
      await healthOf(line, subscriber, "options", "up");
      if (way === "out") await subscriber.place();
      else phone.command("dial", `sip:${subscriber.number}@127.0.0.1:${line.sipPort}`);
      await phone.event("CALL_CLOSED");
      const [first] = await subscriber.calls();
      const call = await subscriber.ended(first?.id ?? "");
      assert.equal(call.outcome, "completed", call.error ?? "");
      assert.equal(phone.process.output().includes("SRTP is Enabled"), encrypted, phone.process.output());

      const [file] = await until(() => phone.heard().length > 0 && phone.heard(), { what: "what the telephone heard" });
      assertHeard("the telephone", greeting, readWav(file ?? "").channels[0]);
      assertHeard("we", counting, (await recordingOf(line, call.id)).channels[0]);
    });
  }
});
