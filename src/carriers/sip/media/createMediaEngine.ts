import type { Socket } from "node:dgram";
import type { Log } from "../../../platform/log.ts";
import { type MediaClock, type Random, systemClock } from "./clock.ts";
import { createMediaSession, type Wire } from "./createMediaSession.ts";
import { createPacer } from "./createPacer.ts";
import { createPortPool } from "./createPortPool.ts";
import { type MediaEngine, type MediaSession, NoFreePort } from "./media.ts";

export interface MediaEngineOptions {
  /** UDP ports, both ends included. */
  ports: { from: number; to: number };
  /** 0.0.0.0 when not said. */
  bindAddress?: string;
  log: Log;
  /** How often `silent` is told; 15 s when not said. */
  silentAfterMs?: number;
  clock?: MediaClock;
  random?: Random;
}

/** RTP for many calls over real sockets, on one clock. */
export function createMediaEngine(options: MediaEngineOptions): MediaEngine {
  const { log, clock = systemClock, random = Math.random, silentAfterMs = 15_000 } = options;
  const bindAddress = options.bindAddress ?? "0.0.0.0";
  const pool = createPortPool(options.ports, bindAddress, random);
  // What goes wrong in one call, or with one packet, must not end all others.
  const failed = (error: unknown) => log.error({ err: error }, "the audio of a call failed");
  const pacer = createPacer(clock, failed);
  const sessions = new Set<MediaSession>();
  const closing = new Set<Promise<void>>();
  let closed = false;

  return {
    async open(handler) {
      const pair = await pool.open();
      if (closed) {
        await pair.close();
        throw new NoFreePort("The media engine is closed.");
      }
      const { session, paced, receiveRtp, receiveRtcp } = createMediaSession({
        port: pair.port,
        rtp: wire(pair.rtp),
        rtcp: wire(pair.rtcp),
        clock,
        random,
        log,
        handler,
        silentAfterMs,
        closed() {
          leave();
          sessions.delete(session);
          const done = pair.close().finally(() => closing.delete(done));
          closing.add(done);
        },
      });
      pair.rtp.on("message", (packet, from) => {
        try {
          receiveRtp(packet, plain(from.address), from.port, !pacer.behind());
        } catch (error) {
          failed(error);
        }
      });
      pair.rtcp.on("message", (packet, from) => {
        try {
          receiveRtcp(packet, plain(from.address), from.port);
        } catch (error) {
          failed(error);
        }
      });
      // ICMP errors and the like: the packet is lost, the call goes on.
      pair.rtp.on("error", (error) => log.debug({ err: error, port: pair.port }, "RTP socket"));
      pair.rtcp.on("error", (error) => log.debug({ err: error, port: pair.port + 1 }, "RTCP socket"));
      const leave = pacer.add(paced);
      sessions.add(session);
      return session;
    },
    get size() {
      return sessions.size;
    },
    async close() {
      closed = true;
      for (const session of [...sessions]) session.close();
      pacer.stop();
      await Promise.all(closing);
    },
  };
}

/** IPv4 as seen by an IPv6 socket. */
const plain = (address: string) => (address.startsWith("::ffff:") ? address.slice(7) : address);

function wire(socket: Socket): Wire {
  const mapped = socket.address().family === "IPv6";
  return {
    send(bytes, address, port, done) {
      try {
        socket.send(bytes, port, mapped && !address.includes(":") ? `::ffff:${address}` : address, done);
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)));
      }
    },
  };
}
