import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

const given = new Set<number>();

/** A port of loopback that is free for UDP and TCP, and was not given to anybody in this process before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const udp = createSocket("udp4").bind(0, "127.0.0.1");
    await once(udp, "listening");
    const { port } = udp.address();
    const tcp = createServer().listen(port, "127.0.0.1");
    const free = await once(tcp, "listening").then(
      () => true,
      () => false,
    );
    udp.close();
    if (free) {
      tcp.close();
      await once(tcp, "close");
    }
    if (!free || given.has(port)) continue;
    given.add(port);
    return port;
  }
}
