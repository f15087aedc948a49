import { createSocket } from "node:dgram";
import { once } from "node:events";

const given = new Set<number>();

/** A UDP port of loopback that is free now, and was not given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const probe = createSocket("udp4").bind(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address();
    await new Promise<void>((resolve) => probe.close(() => resolve()));
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
