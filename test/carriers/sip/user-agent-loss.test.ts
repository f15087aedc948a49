import assert from "node:assert/strict";
import { Socket } from "node:dgram";
import { test } from "node:test";
import { seededRandom } from "../../../src/carriers/simulator/random.ts";
import { realTiming } from "../../../src/carriers/sip/dialog/timing.ts";
import type { SipCallEnd } from "../../../src/carriers/sip/user-agent.ts";
import { AUDIO, heard, openWorld } from "./dialog/world.ts";
import { address, LOOPBACK } from "./peer.ts";

const CALLS = 200;
/** 64*T1 is 6.4 s: ten tries of everything. */
const timers = { t1Ms: 100, t2Ms: 400, t4Ms: 500 };

test("one datagram in ten is lost: every call ends as it should on both sides (RFC 3261 17)", async (t) => {
  const ends = new Map<string, SipCallEnd>();
  const options = { timers, timing: realTiming };
  const callee = await openWorld(t, {
    ...options,
    incoming: (invite) => {
      const user = invite.request.uri.kind === "sip" ? (invite.request.uri.user ?? "") : "";
      if (Number(user) % 4 === 0) return invite.reject(486);
      const log = heard();
      const call = invite.accept(
        { media: log.media, audio: AUDIO },
        {
          ...log.handler,
          answered: () => Number(user) % 4 === 1 && call.hangup(),
          ended: (end) => ends.set(user, end),
        },
      );
    },
  });
  const caller = await openWorld(t, options);
  const random = seededRandom("loss");
  const { send } = Socket.prototype;
  let lost = 0;
  t.mock.method(Socket.prototype, "send", function (this: Socket, ...args: Parameters<typeof send>) {
    if (random() >= 0.1) return send.apply(this, args);
    lost++;
    // Gone without a word, as on a network.
    for (const one of args as unknown[]) if (typeof one === "function") setImmediate(() => one(null, 0));
  });
  const placed = Array.from({ length: CALLS }, (_, index) => {
    const log = heard();
    const call = caller.agent.invite(
      {
        target: { protocol: "udp", host: LOOPBACK, port: callee.port },
        uri: address(`<sip:${index}@${LOOPBACK}:${callee.port}>`).uri,
        from: address(`<sip:caller@${LOOPBACK}>`),
        to: address(`<sip:${index}@${LOOPBACK}>`),
        media: log.media,
        audio: AUDIO,
        ringTimeoutMs: 30_000,
        firstResponseTimeoutMs: 20_000,
      },
      { ...log.handler, answered: () => index % 4 > 1 && call.hangup() },
    );
    return log;
  });
  const how = ["rejected 486", "bye_received 200", "bye_sent 200", "bye_sent 200"];
  const theirs = ["", "bye_sent", "bye_received", "bye_received"];
  for (const [index, log] of placed.entries()) {
    const end = await log.ended();
    assert.equal(`${end.why} ${end.status}`, how[index % 4], `call ${index}`);
  }
  await callee.agent.close(20_000);
  for (const [index] of placed.entries()) assert.equal(ends.get(String(index))?.why ?? "", theirs[index % 4], `call ${index}`);
  assert.ok(lost > CALLS / 4, `${lost} were lost`);
  assert.deepEqual([caller.agent.size, callee.agent.size], [0, 0]);
});
