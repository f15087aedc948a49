import { createSocket, type Socket } from "node:dgram";
import type { RequestFailure, Source } from "../endpoint.ts";
import { type Family, familyOf, isWildcard, plainAddress } from "./address.ts";
import { describeFailure } from "./describeFailure.ts";
import type { HostPort, Inbound, Path } from "./path.ts";

export interface UdpListener {
  readonly listening: Source;
  readonly families: readonly Family[];
  /** A way to an address of one of its families. */
  path(remote: HostPort, sentBy: HostPort): Path;
  close(): Promise<void>;
}

export interface UdpListenerOptions {
  address: string;
  port: number;
  /** Of a wildcard IPv6 address: IPv4 too. */
  dualStack: boolean;
  /** The sockets' own errors, which concern no single message. */
  onError(error: Error): void;
}

const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;

/** One UDP socket that is sent from and received on (RFC 3261 18, RFC 3581). Rejects when the address cannot be bound. */
export async function openUdpListener(options: UdpListenerOptions, inbound: Inbound): Promise<UdpListener> {
  const family = familyOf(options.address);
  const dual = family === 6 && options.dualStack && isWildcard(options.address);
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    ipv6Only: family === 6 && !dual,
    // Only IP addresses come here; without this each send would go round by way of `dns.lookup`.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  const bound = await bind(socket, options);
  socket.on("error", options.onError);
  enlargeBuffer(socket);
  let closed = false;

  const listening: Source = { protocol: "udp", address: options.address, port: bound };

  const path = (remote: HostPort, sentBy: HostPort): Path => ({
    protocol: "udp",
    remote: { protocol: "udp", address: remote.host, port: remote.port },
    sentBy,
    reliable: false,
    closed: false,
    reused: false,
    send: (bytes, failed) => {
      if (closed) return;
      const to = dual && familyOf(remote.host) === 4 ? `::ffff:${remote.host}` : remote.host;
      try {
        socket.send(bytes, remote.port, to, (error) => error && !closed && failed?.(describeFailure(error, remote.host)));
      } catch (error) {
        // Node throws at once at a port of 0 and the like.
        queueMicrotask(() => failed?.(describeFailure(error, remote.host)));
      }
    },
    to: (port) => path({ host: remote.host, port }, sentBy),
    unheardSince: () => false,
    close: () => {},
    onLost: stayConnected,
  });

  socket.on("message", (bytes, from) => {
    // Port 0 cannot be answered; RFC 5626 3.5.1 keep-alives and empty datagrams mean nothing to us.
    if (closed || from.port === 0 || isBlank(bytes)) return;
    inbound.message(bytes, path({ host: plainAddress(from.address), port: from.port }, { host: options.address, port: bound }));
  });

  return {
    listening,
    families: dual ? [4, 6] : [family],
    path,
    close: () =>
      new Promise((resolve) => {
        closed = true;
        socket.close(() => resolve());
      }),
  };
}

function stayConnected(_listener: (failure: RequestFailure) => void): () => void {
  return () => {};
}

function bind(socket: Socket, { address, port }: UdpListenerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off("error", reject);
      resolve(socket.address().port);
    });
  });
}

/** A burst of calls must outlast one pause of ours. The system may allow less, which does as well as it can. */
function enlargeBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // A system that refuses keeps its own size.
  }
}

/** CR, LF, NUL and blanks only: the keep-alives in use. */
function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 13 && byte !== 10 && byte !== 0 && byte !== 32) return false;
  return true;
}
