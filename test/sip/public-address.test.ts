import assert from "node:assert/strict";
import { test } from "node:test";
import { missing } from "../support/debian-packages.ts";
import { callerHangsUp, inDialog, invite } from "./support/caller.ts";
import { healthOf } from "./support/healthOf.ts";
import { startLine } from "./support/line.ts";
import { answer, checking, hangUp, pause, recvInvite, recvStatus, reply, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";

/** Behind NAT, we name the address that SIP_PUBLIC_ADDRESS says, and the ports that we have. */
const skip = missing("sipp", "espeak-ng");
const line = await startLine({ SIP_PUBLIC_ADDRESS: "203.0.113.7" });
const contact = { header: "Contact", regexp: `@203\\.0\\.113\\.7:${line.sipPort}>` };
const media = { regexp: "c=IN IP4 203\\.0\\.113\\.7" };

test("calls out and in say SIP_PUBLIC_ADDRESS in Via, Contact and SDP, and nowhere the address that we have", { skip }, async () => {
  const nowhere = (header?: string) => ({ ...(header ? { header } : {}), regexp: "127\\.0\\.0\\.1", absent: true });
  const gateway = await startSipp({
    scenario: steps(
      checking(
        recvInvite(),
        { header: "Via", regexp: `203\\.0\\.113\\.7:${line.sipPort};` },
        contact,
        media,
        nowhere("Via"),
        nowhere("Contact"),
        nowhere(),
      ),
      reply("180 Ringing"),
      answer(),
      pause(300),
      hangUp(),
    ),
  });
  const subscriber = await line.subscriber({
    trunk: { gateways: [`udp:127.0.0.1:${gateway.port}`], inboundNetworks: ["127.0.0.1/32"] },
  });
  await healthOf(line, subscriber, "options", "up");
  const out = await subscriber.ended(await subscriber.place());
  assert.equal(out.outcome, "completed", out.error ?? "");
  await gateway.succeeded();

  const caller = await startSipp({
    scenario: steps(
      invite(),
      checking(recvStatus(200, 'rrs="true"'), contact, media, nowhere("Contact"), nowhere()),
      inDialog("ACK", 1),
      pause(300),
      callerHangsUp(),
    ),
    remote: `127.0.0.1:${line.sipPort}`,
    service: subscriber.number,
  });
  await caller.succeeded();
});
