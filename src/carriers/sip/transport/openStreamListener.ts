import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Protocol, Source } from "../endpoint.ts";
import { type Family, familyOf, isWildcard } from "./address.ts";

export interface StreamListener {
  readonly listening: Source;
  readonly families: readonly Family[];
  close(): Promise<void>;
}

export interface StreamListenerOptions {
  protocol: Exclude<Protocol, "udp">;
  address: string;
  port: number;
  /** Of a wildcard IPv6 address: IPv4 too. */
  dualStack: boolean;
  /** PEM texts; needed for TLS. */
  cert?: string;
  key?: string;
  maxConnections: number;
  connected(socket: Socket): void;
  onError(error: Error): void;
}

const HANDSHAKE_MS = 5_000;

/** Takes TCP or TLS connections on one address. Rejects when it cannot be bound, or TLS has no certificate. */
export async function openStreamListener(options: StreamListenerOptions): Promise<StreamListener> {
  const { protocol, address, port } = options;
  const family = familyOf(address);
  const dual = family === 6 && options.dualStack && isWildcard(address);
  const server = protocol === "tls" ? openTls(options) : createTcpServer();
  server.maxConnections = options.maxConnections;
  /** Those in a handshake are known to nobody else. */
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on(protocol === "tls" ? "secureConnection" : "connection", options.connected);

  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port, ipv6Only: family === 6 && !dual, backlog: 1024 }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", options.onError);
  const bound = server.address();

  return {
    listening: { protocol, address, port: typeof bound === "object" && bound ? bound.port : port },
    families: dual ? [4, 6] : [family],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function openTls({ cert, key, onError }: StreamListenerOptions): Server {
  if (!cert || !key) throw new Error("SIP over TLS cannot be listened on without a certificate and its key");
  const server = createTlsServer({ cert, key, minVersion: "TLSv1.2", handshakeTimeout: HANDSHAKE_MS });
  server.on("tlsClientError", onError);
  return server;
}
