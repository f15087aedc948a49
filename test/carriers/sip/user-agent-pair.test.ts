import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../../support/until.ts";
import { AUDIO, type Heard, heard, openWorld } from "./dialog/world.ts";
import { address, LOOPBACK } from "./peer.ts";

const CREDENTIALS = { username: "line", password: "secret" };

test("two user agents: many calls at once, with credentials, ended from both sides; nothing is left (RFC 3261)", async (t) => {
  const callee = await openWorld(t, {
    incoming: (invite) => {
      if (!invite.verify(CREDENTIALS)) return invite.challenge("here");
      const log = heard();
      const index = Number(invite.request.uri.kind === "sip" ? invite.request.uri.user : "");
      if (index % 5 === 4) return invite.reject(486);
      const call = invite.accept({ media: log.media, audio: { ...AUDIO, port: 31_000 } }, log.handler);
      taken.push({ ...log, index });
      if (index % 5 === 3) call.hangup();
    },
  });
  const caller = await openWorld(t);
  const taken: Array<Heard & { index: number }> = [];
  const placed = Array.from({ length: 50 }, (_, index) =>
    caller.call({
      target: { protocol: "udp", host: LOOPBACK, port: callee.port },
      uri: address(`<sip:${index}@${LOOPBACK}:${callee.port}>`).uri,
      credentials: CREDENTIALS,
    }),
  );
  for (const [index, one] of placed.entries()) {
    if (index % 5 > 2) continue;
    await until(() => one.told.includes("answered"));
    assert.equal(one.negotiated.at(-1)?.remote?.port, 31_000);
  }
  for (const [index, one] of placed.entries()) if (index % 5 < 3) one.call.hangup();
  const ends = await Promise.all(placed.map((one) => one.ended()));
  const how = ["bye_sent", "bye_sent", "bye_sent", "rejected", "rejected"];
  assert.deepEqual(
    ends.map((end) => end.why),
    placed.map((_, index) => how[index % 5]),
  );
  const theirs = await Promise.all(taken.map(async (one) => [one.index % 5 === 3, (await one.ended()).why] as const));
  assert.equal(theirs.length, 40);
  for (const [hungUp, why] of theirs) assert.equal(why, hungUp ? "canceled" : "bye_received");
  assert.deepEqual([caller.agent.size, callee.agent.size], [0, 0]);
});
