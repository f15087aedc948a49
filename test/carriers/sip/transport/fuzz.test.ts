import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { test } from "node:test";
import { until } from "../../../support/until.ts";
import { torture } from "../torture.ts";
import { hear, OBLIGING, open, targetOf } from "./support/endpoints.ts";
import { seeded } from "./support/lossyRelay.ts";
import { makeRequest } from "./support/messages.ts";

/** Some octets changed, taken out, doubled or cut off. */
function mutate(bytes: Buffer, random: () => number): Buffer {
  let text = bytes.toString("latin1");
  for (let i = Math.floor(random() * 4); i >= 0; i--) {
    const at = Math.floor(random() * text.length);
    const to = at + Math.floor(random() * 20);
    const kind = random();
    if (kind < 0.4) text = text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(at + 1);
    else if (kind < 0.6) text = text.slice(0, at) + text.slice(to);
    else if (kind < 0.8) text = text.slice(0, to) + text.slice(at);
    else if (kind < 0.9) text = text.slice(0, at);
    else text = `${text.slice(0, at)}\r\n${text.slice(at)}`;
  }
  return Buffer.from(text, "latin1");
}

test("torture messages (RFC 4475) and 2,000 mutations of them: still answering, and nothing of them stays", async (t) => {
  const server = await open(t, OBLIGING);
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  socket.on("message", () => {});
  const { port } = targetOf(server);
  const client = await open(t);
  const random = seeded(4_475);
  const sound = async () => {
    const heard = hear();
    client.request(makeRequest("OPTIONS"), targetOf(server), heard);
    const end = await heard.end;
    assert.ok("status" in end && end.status === 200);
  };

  for (const { bytes } of torture) socket.send(bytes, port, "127.0.0.1");
  await sound();
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 100; i++) {
      const { bytes } = torture[Math.floor(random() * torture.length)] ?? { bytes: Buffer.alloc(0) };
      socket.send(mutate(bytes, random), port, "127.0.0.1");
    }
    await sound();
  }
  await until(() => server.size.server === 0 && client.size.client === 0, { what: "the end of every transaction" });
});

test("each torture message gets the answer that RFC 4475 has for it, where the answer is the transport's", async (t) => {
  const server = await open(t, OBLIGING);
  const answers: string[] = [];
  const socket = createSocket("udp4");
  t.after(() => socket.close());
  socket.on("message", (bytes) => answers.push(bytes.toString("latin1")));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  const refused = torture.filter(({ parser }) => parser === 400 || parser === 505);
  for (const { bytes } of refused) {
    // Answers go to the port of the Via; with rport to ours.
    const text = bytes.toString("latin1").replace(/^((?:Via|v) *:[^\r]*?)(;|\r)/im, "$1;rport$2");
    socket.send(Buffer.from(text, "latin1"), targetOf(server).port, "127.0.0.1");
  }
  const callIdOf = (text: string) => /^(?:Call-ID|i) *: *(\S*)/im.exec(text)?.[1] ?? "none";
  const answerTo = (bytes: Buffer) => answers.find((one) => callIdOf(one) === callIdOf(bytes.toString("latin1")));
  for (const { name, bytes, parser } of refused) {
    const answer = await until(() => answerTo(bytes), { what: `the answer to ${name}` });
    assert.match(answer, new RegExp(`^SIP/2\\.0 ${parser} `), name);
    assert.match(answer, /^Via:.*;rport/m, name);
  }
});
