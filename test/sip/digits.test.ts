import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { openBadPath } from "./support/bad-path.ts";
import { type Baresip, startBaresip } from "./support/baresip.ts";
import { tone } from "./support/rtp-peer.ts";
import { writeWav } from "./support/sound.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { openTestAgent } from "./support/user-agent.ts";

/** Keys that we press, at a telephone that we did not write. */
const skip = missing("baresip");
const agent = await openTestAgent();
after(() => agent.close());

const plays = join(temporaryFolder(), "silence.wav");
writeWav(plays, new Int16Array(8_000 * 60));
const KEYS = "1234567890*#ABCD";

/** What it has heard of keys: which one begins, and `-` when one ends. */
const heard = ({ events }: Baresip): string[] =>
  events.flatMap(({ type, param = "" }) => (type === "CALL_DTMF_START" ? [param] : type === "CALL_DTMF_END" ? ["-"] : []));
const begun = (phone: Baresip): string[] => heard(phone).filter((one) => one !== "-");

describe("keys pressed by us", { skip, concurrency: true }, () => {
  test("each is heard once and in order, in the midst of speech, and so is one that is pressed twice (RFC 4733)", async () => {
    const phone = await startBaresip({ plays, user: "+972501234567" });
    const talk = await agent.call(phone.port);
    await talk.becomes("answered");
    await phone.event("CALL_ESTABLISHED");
    talk.media.play(tone(10));
    await talk.media.sendDigits(KEYS);
    await talk.media.sendDigits("11");
    await talk.media.sendDigits("1");
    await until(() => heard(phone).length >= 2 * 19, { what: "the end of the last key" });
    talk.call.hangup();
    await phone.event("CALL_CLOSED");
    assert.equal(heard(phone).join(""), [...`${KEYS}111`].map((key) => `${key}-`).join(""));
  });

  test("over a network that loses one packet of ten, too: each press is told seven times (RFC 4733 2.5.1.2)", async (t) => {
    const phone = await startBaresip({ plays, user: "+972501234567" });
    const path = await openBadPath(phone.port, { seed: "keys", loss: 0.1, delayMs: 20 });
    t.after(() => path.close());
    const talk = await agent.call(path.port);
    await talk.becomes("answered");
    await phone.event("CALL_ESTABLISHED");
    await talk.media.sendDigits(KEYS);
    await until(() => begun(phone).length >= KEYS.length, { what: "the last key" });
    talk.call.hangup();
    await phone.event("CALL_CLOSED");
    assert.ok(path.rtp.count.dropped > 10, JSON.stringify(path.rtp.count));
    assert.equal(begun(phone).join(""), KEYS);
  });
});
