import { isIP, type Socket } from "node:net";
import type { SecureContext } from "node:tls";
import type { Protocol, Source } from "../endpoint.ts";
import { familyOf, ownerOf, plainAddress, withBrackets } from "./address.ts";
import { connectSocket } from "./connectSocket.ts";
import { CONNECTION_LIMITS, type Connection, type ConnectionLimits, createConnection } from "./createConnection.ts";
import type { HostPort, Inbound, Path } from "./path.ts";

type StreamProtocol = Exclude<Protocol, "udp">;

export interface ConnectTarget {
  protocol: StreamProtocol;
  /** IP address. */
  address: string;
  port: number;
  /** Its name, or the address again: what a certificate must be for. */
  host: string;
}

export interface Connections {
  /** The open connection to there, unless it has fallen silent. */
  find(target: ConnectTarget): Path | undefined;
  /** Any open connection whose other end this is, by whatever name it was opened. */
  findAt(place: Source): Path | undefined;
  /** The open connection to there, or a new one. Rejects with what Node gives. `fresh`: not one that is open already. */
  open(target: ConnectTarget, options?: { timeoutMs?: number; fresh?: boolean }): Promise<Path>;
  /** Takes in who connected to us. */
  accept(socket: Socket, protocol: StreamProtocol): void;
  readonly size: number;
  close(): void;
}

export interface ConnectionsOptions {
  secureContext(): SecureContext;
  /** What our Via says on a connection whose end here this is. */
  sentBy(protocol: StreamProtocol, local: HostPort): HostPort;
  /** The address to connect from; undefined: as the system likes. */
  localAddress(protocol: StreamProtocol, family: 4 | 6): string | undefined;
  limits?: Partial<ConnectionLimits & PoolLimits>;
  /** As of Guard. */
  isStranger(address: string): boolean;
  /** Somebody was turned away. */
  onRefused(address: string): void;
}

export interface PoolLimits {
  connectMs: number;
  /** Opened by others. When there are so many, the one of a stranger on which nothing was said for longest makes room. */
  total: number;
  /** Of one IPv4 address, or one IPv6 /64. */
  perSource: number;
}

const POOL_LIMITS: PoolLimits = { connectMs: 5_000, total: 2_000, perSource: 200 };

/** Every TCP and TLS connection, found again by where it leads to (RFC 3261 18.1.1, RFC 5923 for those opened by others). */
export function createConnections(options: ConnectionsOptions, inbound: Inbound): Connections {
  const limits = { ...CONNECTION_LIMITS, ...POOL_LIMITS, ...options.limits };
  const byTarget = new Map<string, Connection>();
  const opening = new Map<string, Promise<Connection>>();
  const perSource = new Map<string, number>();
  const all = new Set<Connection>();
  /** Opened by others that were strangers then. */
  const strangers = new Set<Connection>();
  const stop = new AbortController();
  let accepted = 0;

  function adopt(
    socket: Socket,
    protocol: StreamProtocol,
    opened: "here" | "there",
    host: string,
    key: string,
    onClosed: () => void,
  ): Connection {
    const connection = createConnection(
      socket,
      {
        protocol,
        opened,
        host,
        sentBy: (local) => options.sentBy(protocol, local),
        limits,
        onClosed: () => {
          all.delete(connection);
          strangers.delete(connection);
          if (byTarget.get(key) === connection) byTarget.delete(key);
          onClosed();
        },
      },
      inbound,
    );
    all.add(connection);
    byTarget.set(key, connection);
    return connection;
  }

  async function connect(target: ConnectTarget, key: string, timeoutMs: number): Promise<Connection> {
    const socket = await connectSocket({
      ...target,
      localAddress: options.localAddress(target.protocol, familyOf(target.address)),
      timeoutMs,
      secureContext: options.secureContext,
      signal: stop.signal,
    });
    if (stop.signal.aborted) {
      socket.destroy();
      throw new Error("closed");
    }
    return adopt(socket, target.protocol, "here", target.host, key, () => {});
  }

  /** Whether a stranger's connection was closed for another one's sake. */
  function makeRoom(): boolean {
    for (;;) {
      let idlest: Connection | undefined;
      for (const one of strangers) if (!idlest || one.lastAlive < idlest.lastAlive) idlest = one;
      if (!idlest) return false;
      strangers.delete(idlest);
      if (!options.isStranger(idlest.remote.address)) continue;
      idlest.destroy();
      return true;
    }
  }

  const isUsable = ({ closed, mute }: Connection) => !closed && !mute;
  const find = (target: ConnectTarget): Path | undefined => {
    const open = byTarget.get(keyOf(target));
    return open && isUsable(open) ? open.path(true) : undefined;
  };

  return {
    find,
    findAt: ({ protocol, address, port }) => {
      const isThere = ({ remote }: Connection) => remote.port === port && remote.address === address && remote.protocol === protocol;
      return all
        .values()
        .find((one) => isThere(one) && isUsable(one))
        ?.path(true);
    },
    open: async (target, { timeoutMs = limits.connectMs, fresh = false } = {}) => {
      if (stop.signal.aborted) throw new Error("closed");
      const open = fresh ? undefined : find(target);
      if (open) return open;
      const key = keyOf(target);
      let connection = opening.get(key);
      if (!connection) {
        connection = connect(target, key, timeoutMs).finally(() => opening.delete(key));
        opening.set(key, connection);
      }
      return (await connection).path(false);
    },
    accept: (socket, protocol) => {
      const address = plainAddress(socket.remoteAddress ?? "");
      const owner = ownerOf(address);
      const count = perSource.get(owner) ?? 0;
      const refused = stop.signal.aborted || !address || count >= limits.perSource;
      if (refused || (accepted >= limits.total && !makeRoom())) {
        socket.on("error", () => {});
        socket.destroy();
        if (address) options.onRefused(address);
        return;
      }
      accepted += 1;
      perSource.set(owner, count + 1);
      socket.setNoDelay(true);
      // A TLS connection from outside is never used for a name: nobody has shown a certificate for it.
      const key = keyOf({ protocol, address, port: socket.remotePort ?? 0, host: protocol === "tls" ? "" : address });
      const connection = adopt(socket, protocol, "there", address, key, () => {
        accepted -= 1;
        const left = (perSource.get(owner) ?? 1) - 1;
        if (left > 0) perSource.set(owner, left);
        else perSource.delete(owner);
      });
      if (options.isStranger(address)) strangers.add(connection);
    },
    get size() {
      return all.size;
    },
    close: () => {
      stop.abort();
      for (const connection of all) connection.destroy();
    },
  };
}

/** Over TLS the name belongs to it: who is trusted as one name is not as another. */
function keyOf({ protocol, address, port, host }: ConnectTarget): string {
  const name = protocol === "tls" && isIP(host) === 0 ? host.toLowerCase() : "";
  return `${protocol}:${withBrackets(address)}:${port}:${name}`;
}
