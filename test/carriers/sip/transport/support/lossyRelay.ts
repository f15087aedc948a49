import { createSocket, type Socket } from "node:dgram";
import type { TestContext } from "node:test";
import type { Target } from "../../../../../src/carriers/sip/endpoint.ts";

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Stands between an endpoint and a target, and loses some of what goes either way. No message is lost more than `inARow` times
 * one after the other, so that a test's end does not hang on luck.
 */
export async function lossyRelay(
  t: TestContext,
  target: Target,
  { loss, seed, inARow = 2 }: { loss: number; seed: number; inARow?: number },
) {
  const random = seeded(seed);
  const lostInARow = new Map<string, number>();
  let lost = 0;
  const inside = await bound(t);
  const outside = await bound(t);
  let client = { port: 0, address: "" };

  const passes = (bytes: Buffer) => {
    const key = bytes.toString("latin1");
    const before = lostInARow.get(key) ?? 0;
    const drop = before < inARow && random() < loss;
    lostInARow.set(key, drop ? before + 1 : 0);
    if (drop) lost += 1;
    return !drop;
  };
  inside.on("message", (bytes, from) => {
    client = from;
    if (passes(bytes)) outside.send(bytes, target.port ?? 5060, target.host);
  });
  outside.on("message", (bytes) => {
    if (passes(bytes)) inside.send(bytes, client.port, client.address);
  });

  return {
    target: { protocol: "udp" as const, host: "127.0.0.1", port: inside.address().port },
    get lost() {
      return lost;
    },
  };
}

function bound(t: TestContext): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  t.after(() => new Promise<void>((resolve) => socket.close(() => resolve())));
  return new Promise((resolve) => socket.bind(0, "127.0.0.1", () => resolve(socket)));
}
