import { Socket } from "node:dgram";
import { subscribe } from "node:diagnostics_channel";

/** Between two packets. */
const PACKET_MS = 20;

interface Watch {
  from: number;
  to: number;
  longestMs: number;
}

const watches: Watch[] = [];

subscribe("udp.socket", (message) => {
  if (!(typeof message === "object" && message && "socket" in message && message.socket instanceof Socket)) return;
  let last: { watch: Watch; ms: number } | undefined;
  const look = (watch: Watch) => {
    const ms = performance.now();
    if (last) watch.longestMs = Math.max(watch.longestMs, ms - last.ms - PACKET_MS);
    last = { watch, ms };
  };
  message.socket.on("message", (_packet, { port }) => {
    // RTCP comes from the odd ones.
    const watch = port % 2 === 0 && watches.find(({ from, to }) => port >= from && port < to);
    if (watch) look(watch);
  });
  message.socket.on("close", () => last && look(last.watch));
});

/**
 * Of the RTP that comes from ports `from` to below `to`, to sockets of this process. Gives the longest time, in ms, for which a packet
 * was overdue at an open socket: one of both sides stood still.
 */
export function watchAudio(from: number, to: number): () => number {
  const watch: Watch = { from, to, longestMs: 0 };
  watches.push(watch);
  return () => watch.longestMs;
}
