import { isIP, type Socket, createConnection as tcpConnect } from "node:net";
import { checkServerIdentity, type PeerCertificate, type SecureContext, type TLSSocket, connect as tlsConnect } from "node:tls";

export interface ConnectOptions {
  protocol: "tcp" | "tls";
  /** IP address. */
  address: string;
  port: number;
  /** The name that the certificate must have; an IP address when it was configured as one. */
  host: string;
  /** The address to connect from; undefined: as the system likes. */
  localAddress: string | undefined;
  timeoutMs: number;
  secureContext(): SecureContext;
  signal: AbortSignal;
}

/**
 * Opens a connection. Rejects with what Node gives; after `timeoutMs` with `ETIMEDOUT`, or with `ERR_TLS_HANDSHAKE_TIMEOUT` when there
 * is a connection that no TLS comes of, and with `TLS_HANDSHAKE_CLOSED` when that is closed instead.
 */
export function connectSocket(options: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = options.protocol === "tls" ? openTls(options) : openTcp(options);
    let connected = false;
    const timer = setTimeout(() => give(timedOut(connected)), options.timeoutMs);
    const aborted = () => give(new Error("closed"));

    const settle = () => {
      clearTimeout(timer);
      options.signal.removeEventListener("abort", aborted);
      socket.off("error", give);
      socket.off("close", closed);
    };
    function give(error: Error) {
      settle();
      // A late error of a socket that is being destroyed concerns nobody.
      socket.on("error", () => {});
      socket.destroy();
      const closes = "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
      reject(connected && closes && options.protocol === "tls" ? Object.assign(error, { code: "TLS_HANDSHAKE_CLOSED" }) : error);
    }
    function closed() {
      give(Object.assign(new Error("closed"), { code: "ECONNRESET" }));
    }

    options.signal.addEventListener("abort", aborted);
    socket.on("error", give);
    socket.on("close", closed);
    socket.once("connect", () => {
      connected = true;
    });
    socket.once(options.protocol === "tls" ? "secureConnect" : "connect", () => {
      settle();
      resolve(socket);
    });
    if (options.signal.aborted) aborted();
  });
}

function openTcp({ address, port, localAddress }: ConnectOptions): Socket {
  return tcpConnect({ host: address, port, noDelay: true, ...(localAddress && { localAddress }) });
}

function openTls({ host, address, port, localAddress, secureContext }: ConnectOptions): TLSSocket {
  return tlsConnect({
    host: address,
    port,
    ...(localAddress && { localAddress }),
    // RFC 6066 3: an IP address is no server name.
    ...(isIP(host) === 0 && { servername: host }),
    secureContext: secureContext(),
    checkServerIdentity: (_name, certificate) => checkIdentity(host, certificate),
  });
}

/** The usual check, and a SIP URI among the certificate's names (RFC 5922 7.2). */
function checkIdentity(host: string, certificate: PeerCertificate): Error | undefined {
  const error = checkServerIdentity(host, certificate);
  if (!error) return undefined;
  const names = (certificate.subjectaltname ?? "").toLowerCase().split(", ");
  return names.includes(`uri:sip:${host.toLowerCase()}`) ? undefined : error;
}

function timedOut(connected: boolean): Error {
  return Object.assign(new Error("timed out"), { code: connected ? "ERR_TLS_HANDSHAKE_TIMEOUT" : "ETIMEDOUT" });
}
