import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns";
import { isIP } from "node:net";
import type { Random } from "./clock.ts";
import { NoFreePort } from "./media.ts";

export interface PortPool {
  /** An even port for RTP and the odd one above it for RTCP, bound. Throws NoFreePort. */
  open(): Promise<PortPair>;
}

export interface PortPair {
  port: number;
  rtp: Socket;
  rtcp: Socket;
  /** Closes both; the ports are the last to be used again. */
  close(): Promise<void>;
}

/** Holds a second and a half of G.711 in small packets. */
const RTP_BUFFER_BYTES = 128 * 1_024;

/** The pairs of a range, in a queue: what was just freed may still get packets of its last call. */
export function createPortPool(range: { from: number; to: number }, bindAddress: string, random: Random): PortPool {
  const first = range.from + (range.from % 2);
  const count = Math.max(0, Math.floor((range.to - first + 1) / 2));
  const start = Math.floor(random() * count);
  /** Insertion order is the order of use. */
  const free = new Set(Array.from({ length: count }, (_, index) => first + 2 * ((start + index) % count)));

  return {
    async open() {
      // Each pair is tried once, even when others are freed meanwhile.
      for (let tries = free.size; tries > 0; tries--) {
        const [port] = free;
        if (port === undefined) break;
        free.delete(port);
        const pair = await bindPair(port, bindAddress).catch((error: unknown) => {
          free.add(port);
          throw error;
        });
        if (pair)
          return {
            ...pair,
            close: async () => {
              await Promise.all([closeSocket(pair.rtp), closeSocket(pair.rtcp)]);
              free.add(port);
            },
          };
        free.add(port);
      }
      throw new NoFreePort(`No free pair of UDP ports from ${range.from} to ${range.to} on ${bindAddress}.`);
    },
  };
}

/** Undefined when one of them is taken. */
async function bindPair(port: number, address: string): Promise<Omit<PortPair, "close"> | undefined> {
  const rtp = await bind(port, address, RTP_BUFFER_BYTES);
  if (!rtp) return undefined;
  const rtcp = await bind(port + 1, address).catch(async (error: unknown) => {
    await closeSocket(rtp);
    throw error;
  });
  if (rtcp) return { port, rtp, rtcp };
  await closeSocket(rtp);
  return undefined;
}

function bind(port: number, address: string, recvBufferSize?: number): Promise<Socket | undefined> {
  const socket = createSocket({
    type: isIP(address) === 6 ? "udp6" : "udp4",
    ...(recvBufferSize !== undefined && { recvBufferSize }),
    // Addresses are numbers nearly always; the system's lookup would cost a turn of the loop for each packet.
    lookup(host, options, callback) {
      const family = isIP(host);
      if (family) callback(null, host, family);
      else lookup(host, options, callback);
    },
  });
  return new Promise((resolve, reject) => {
    socket.once("error", (error: NodeJS.ErrnoException) => {
      socket.close();
      if (error.code === "EADDRINUSE") resolve(undefined);
      else reject(error);
    });
    socket.bind({ port, address, exclusive: true }, () => {
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

const closeSocket = (socket: Socket): Promise<void> => new Promise((resolve) => socket.close(() => resolve()));
