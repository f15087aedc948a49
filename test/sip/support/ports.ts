import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that the system gives to sockets without a port of their own, which could be taken before a program binds them. */
const FIRST = 10_000;
/** sipp takes the one two above its RTP port too. */
const STEP = 4;
/** Test files run side by side: each process has a part of its own, as far as there are enough. */
const PARTS = 16;
const PART = STEP * Math.floor(10_000 / PARTS / STEP);

let part: Promise<number> | undefined;
let next = Math.floor(Math.random() * PART);

/** A port of loopback that is free for UDP and TCP, and so are the three above it. No other call gets it for a long time. */
export async function freePort(): Promise<number> {
  part ??= takePart();
  const from = FIRST + (await part) * PART;
  for (;;) {
    next = (next + STEP) % PART;
    const port = from + next - (next % STEP);
    const free = await Promise.all([isFree("udp", port), isFree("tcp", port), isFree("udp", port + 2)]);
    if (free.every(Boolean)) return port;
  }
}

/** One is taken by listening on the port that stands for it, until the process ends. */
async function takePart(): Promise<number> {
  for (let index = 0; index < PARTS; index++) {
    const sign = createServer().listen(FIRST - PARTS + index, "127.0.0.1");
    try {
      await once(sign, "listening");
      sign.unref();
      return index;
    } catch {
      // It is another's.
    }
  }
  return process.pid % PARTS;
}

async function isFree(transport: "udp" | "tcp", port: number): Promise<boolean> {
  const socket = transport === "udp" ? createSocket("udp4").bind(port, "127.0.0.1") : createServer().listen(port, "127.0.0.1");
  try {
    await once(socket, "listening");
    socket.close();
    await once(socket, "close");
    return true;
  } catch {
    return false;
  }
}
