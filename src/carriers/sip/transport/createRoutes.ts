import { createSocket } from "node:dgram";
import { familyOf } from "./address.ts";

export interface Routes {
  /** Our address on the way to another one. Throws when there is no way. */
  localAddressTo(address: string): string | Promise<string>;
}

const KEPT_MS = 60_000;
const KEPT_ADDRESSES = 2_000;

/** What the kernel would choose, asked with a connected UDP socket, which sends nothing. */
export function createRoutes(ask: (address: string) => Promise<string> = askKernel): Routes {
  const known = new Map<string, { local: string; until: number }>();
  const asked = new Map<string, Promise<string>>();

  return {
    localAddressTo: (address) => {
      const kept = known.get(address);
      if (kept && kept.until > performance.now()) return kept.local;
      const running = asked.get(address);
      if (running) return running;
      const answer = ask(address)
        .then((local) => {
          if (known.size >= KEPT_ADDRESSES) known.clear();
          known.set(address, { local, until: performance.now() + KEPT_MS });
          return local;
        })
        .finally(() => asked.delete(address));
      asked.set(address, answer);
      return answer;
    },
  };
}

function askKernel(address: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(familyOf(address) === 6 ? "udp6" : "udp4");
    socket.on("error", (error) => {
      socket.close();
      reject(error);
    });
    socket.connect(9, address, () => {
      const local = socket.address().address;
      socket.close();
      resolve(local);
    });
  });
}
