import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { createMediaEngine } from "../../../../src/carriers/sip/media/createMediaEngine.ts";
import { NoFreePort } from "../../../../src/carriers/sip/media/media.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { until } from "../../../support/until.ts";
import { agreed } from "./support.ts";

const log = createLog("silent");
const bindAddress = "127.0.0.1";
const bound = async (port: number) => {
  const socket = createSocket("udp4");
  socket.bind(port, bindAddress);
  await once(socket, "listening");
  return socket;
};

/** Somewhere below the ephemeral ports where all these are free just now. */
async function freeRange(count: number): Promise<number> {
  for (let from = 10_000 + 2 * Math.floor(Math.random() * 8_000); ; from += 64) {
    const sockets = await Promise.all(Array.from({ length: count }, (_, index) => bound(from + index).catch(() => undefined)));
    for (const socket of sockets) socket?.close();
    if (sockets.every((socket) => socket)) return from;
  }
}

test("even ports of the range, each once; then NoFreePort; a freed one is used again, and last", async () => {
  const from = await freeRange(8);
  const engine = createMediaEngine({ ports: { from: from - 1, to: from + 6 }, bindAddress, log });
  // from - 1 is odd, and from + 6 has no odd one above it in the range.
  const sessions = await Promise.all([engine.open({}), engine.open({}), engine.open({})]);
  assert.deepEqual(sessions.map(({ port }) => port).sort(), [from, from + 2, from + 4]);
  await assert.rejects(engine.open({}), NoFreePort);
  const [first, second] = sessions;
  second?.close();
  first?.close();
  const again = await until(() => engine.open({}).catch(() => undefined));
  assert.ok(again.port === first?.port || again.port === second?.port);
  await engine.close();
  await assert.rejects(engine.open({}), NoFreePort);
});

test("a port that somebody else has is stepped over, the odd one too", async () => {
  const from = await freeRange(6);
  const taken = await Promise.all([bound(from), bound(from + 3)]);
  const engine = createMediaEngine({ ports: { from, to: from + 5 }, bindAddress, log });
  assert.equal((await engine.open({})).port, from + 4);
  await assert.rejects(engine.open({}), NoFreePort);
  for (const socket of taken) socket.close();
  await engine.close();
});

test("an address that is not ours is an error, not a missing port", async () => {
  const engine = createMediaEngine({ ports: { from: 20_000, to: 20_100 }, bindAddress: "192.0.2.1", log });
  await assert.rejects(engine.open({}), (error: NodeJS.ErrnoException) => error.code === "EADDRNOTAVAIL");
  await engine.close();
});

test("closed sessions leave no socket and no timer behind", async () => {
  const held = () =>
    process
      .getActiveResourcesInfo()
      .filter((kind) => kind === "UDPWrap" || kind === "Timeout" || kind === "Immediate")
      .sort();
  const before = held();
  const engine = createMediaEngine({ ports: { from: 20_000, to: 29_999 }, bindAddress, log });
  for (let turn = 0; turn < 3; turn++) {
    const sessions = await Promise.all(Array.from({ length: 20 }, () => engine.open({})));
    for (const [index, session] of sessions.entries()) {
      session.negotiated(agreed(sessions[index ^ 1]?.port ?? 0));
      session.start();
      session.play(new Int16Array(400));
    }
    await Promise.all(sessions.map((session) => session.drained()));
    for (const session of sessions) session.close();
    assert.equal(engine.size, 0);
  }
  await engine.close();
  await until(() => held().length <= before.length, { what: "all resources given back" });
});

test("a call whose handler fails does not stop the clock of the others", async () => {
  const engine = createMediaEngine({ ports: { from: 20_000, to: 29_999 }, bindAddress, log, silentAfterMs: 20 });
  let failures = 0;
  const broken = await engine.open({
    silent() {
      failures++;
      throw new Error("handler");
    },
  });
  const whole = await engine.open({});
  let frames = 0;
  whole.onFrame(() => frames++);
  for (const session of [broken, whole]) {
    session.negotiated(agreed(9));
    session.start();
  }
  await until(() => failures > 1);
  const before = frames;
  await until(() => frames > before + 5);
  await engine.close();
});

test("over IPv6 sockets to IPv4 addresses", async () => {
  const engine = createMediaEngine({ ports: { from: 20_000, to: 29_999 }, bindAddress: "::", log });
  const [a, b] = await Promise.all([engine.open({}), engine.open({})]).catch(() => []);
  // A machine without IPv6 has nothing to test.
  if (a && b) {
    a.negotiated(agreed(b.port));
    b.negotiated(agreed(a.port));
    let loudest = 0;
    b.onFrame(({ heard }) => {
      loudest = Math.max(loudest, ...heard);
    });
    a.start();
    b.start();
    a.play(new Int16Array(8_000).fill(4_000));
    await until(() => loudest > 3_000);
  }
  await engine.close();
});
