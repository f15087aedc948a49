import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer } from "node:tls";
import type { Protocol, Source } from "../endpoint.ts";
import { type Family, familyOf, isWildcard } from "./address.ts";

export interface StreamListener {
  readonly listening: Source;
  readonly families: readonly Family[];
  /** Another certificate for who connects from now on; nothing over TCP. Throws when it cannot be used, and keeps the old one. */
  renew(pem: { cert?: string; key?: string }): void;
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
  const secure = protocol === "tls" ? openTls(options) : undefined;
  const server: Server = secure ?? createTcpServer();
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
    renew: ({ cert, key }) => secure?.setSecureContext(shown(cert, key)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function shown(cert: string | undefined, key: string | undefined) {
  if (!cert || !key) throw new Error("SIP over TLS cannot be listened on without a certificate and its key");
  return { cert, key, minVersion: "TLSv1.2" as const };
}

function openTls({ cert, key, onError }: StreamListenerOptions): TlsServer {
  const server = createTlsServer({ ...shown(cert, key), handshakeTimeout: HANDSHAKE_MS });
  server.on("tlsClientError", onError);
  return server;
}
