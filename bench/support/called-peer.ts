import { createSocket } from "node:dgram";
import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { G711 } from "../../src/carriers/sip/media/g711.ts";
import type { Answers, Question, Reply } from "./called.ts";
import { createRtpLines } from "./rtp-lines.ts";
import { createSipAnswerer } from "./sip-answerer.ts";
import { dialMany } from "./sip-dialer.ts";

/** The called side as a process; see called.ts, whose questions it answers over IPC. */

// A measurement that waits for its turn measures itself.
try {
  setPriority(constants.priority.PRIORITY_HIGH);
} catch {
  // Only root may.
}

const sound = Buffer.alloc(160);
for (let index = 0; index < sound.length; index++) sound[index] = G711.PCMA.encode[Math.round(6_000 * Math.sin(index / 7)) & 0xffff] ?? 0;

const lines = createRtpLines(sound);
const socket = createSocket({ type: "udp4", recvBufferSize: 1 << 20, lookup: (host, _options, done) => done(null, host, 4) });
const answerer = createSipAnswerer(socket, lines);
socket.on("message", (bytes, { address, port }) => answerer.receive(bytes, address, port));
const listening = once(socket, "listening");
socket.bind(0, "127.0.0.1");
await listening;

const answers: Answers = {
  port: () => socket.address().port,
  behave: (how) => answerer.behave(how),
  state: () => answerer.state,
  calls: () => answerer.take(),
  hangUp: () => answerer.hangUp(),
  measure: () => lines.measure(),
  pacing: () => lines.pacing(),
  dial: dialMany,
};

process.on("message", async ({ ask, of }: Question) => {
  // What a question holds goes with its name: both come from called.ts.
  const reply: Reply = { answer: await (answers[ask] as (of: unknown) => unknown)(of) };
  process.send?.(reply);
});
process.on("disconnect", () => process.exit());
process.send?.("ready");
