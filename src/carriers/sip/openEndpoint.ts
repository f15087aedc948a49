import type { Log } from "../../platform/log.ts";
import type { EndpointHandler, Protocol, SipEndpoint } from "./endpoint.ts";
import { parseMessage } from "./message/parseMessage.ts";
import { answerUnreadable } from "./transaction/answerUnreadable.ts";
import { createClientTransactions } from "./transaction/createClientTransactions.ts";
import { createServerTransactions } from "./transaction/createServerTransactions.ts";
import { DEFAULT_TIMERS, type Timers } from "./transaction/timers.ts";
import { describeSource, ownerOf } from "./transport/address.ts";
import type { ConnectionLimits } from "./transport/createConnection.ts";
import type { PoolLimits } from "./transport/createConnections.ts";
import { createGuard } from "./transport/createGuard.ts";
import { createRateLimit } from "./transport/createRateLimit.ts";
import type { Resolver } from "./transport/createResolver.ts";
import type { TlsFiles } from "./transport/createSecureContexts.ts";
import { createTransports } from "./transport/createTransports.ts";
import type { Path } from "./transport/path.ts";

export interface EndpointOptions {
  /** Port 0: one that is free. */
  listen: ReadonlyArray<{ protocol: Protocol; address: string; port: number }>;
  /** Under which the other side reaches us, in place of our own address of that IP version. */
  publicAddress?: string;
  tls?: TlsFiles;
  timers?: Partial<Timers>;
  limits?: Partial<ConnectionLimits & PoolLimits & { serverTransactions: number }>;
  /** Whose messages are read however many they are, as are those of who called or was called. Not given: everybody's. */
  trusts?(address: string): boolean;
  /** In place of the system's, for tests. */
  resolver?: Resolver;
  log: Log;
}

export interface OpenEndpoint extends SipEndpoint {
  /** Other PEM texts for connections from now on. Throws when they cannot be used; then the old ones stay. */
  renewTls(files: TlsFiles): void;
  /** What is alive. */
  readonly size: { client: number; server: number; connections: number };
}

/** At 100 calls a second each leaves two for 32 s (timers J and L): 6,400. */
const SERVER_TRANSACTIONS = 20_000;
/** Requests that cannot be read are answered no more often than this: nobody may be flooded through us. */
const UNREADABLE = { perSecond: 20, burst: 100 };

/** Who scans ports fills no log: each connection that does not come to TLS is one. */
const TROUBLES = { perSecond: 0.1, burst: 10 };

/** Opens everything that is listened on. Rejects when an address cannot be bound, or TLS has no certificate; then nothing stays open. */
export async function openEndpoint(options: EndpointOptions, handler: EndpointHandler): Promise<OpenEndpoint> {
  const { log, limits } = options;
  const timers = { ...DEFAULT_TIMERS, ...options.timers };
  const unreadable = createRateLimit(UNREADABLE);
  const troubles = createRateLimit(TROUBLES);
  const guard = createGuard(options.trusts);
  let open = false;

  const transports = await createTransports(
    {
      ...options,
      isStranger: guard.isStranger,
      located: guard.know,
      onTrouble: (what, error) => log[troubles.allows("all") ? "warn" : "debug"]({ err: error }, what),
    },
    { message: receive, needs: (remote) => handler.needs?.(remote) ?? false },
  );
  const clients = createClientTransactions({ transports, timers, log });
  const accepted = ({ remote }: Path) => guard.know(remote.address);
  const max = limits?.serverTransactions ?? SERVER_TRANSACTIONS;
  const servers = createServerTransactions({ transports, timers, log, accepted, max }, handler);

  /** Whatever comes in from outside, it harms nobody else. */
  function receive(bytes: Buffer, path: Path) {
    try {
      if (!open) return;
      const verdict = guard.verdict(path.remote.address, path.reliable ? "connection" : "datagram");
      if (verdict === "read") return dispatch(bytes, path);
      log[troubles.allows("all") ? "warn" : "debug"]({ from: describeSource(path.remote) }, "strangers send more SIP than is read of them");
      if (verdict === "excess") path.close("it sends too much");
    } catch (error) {
      log.error({ err: error, from: describeSource(path.remote) }, "a SIP message could not be handled");
    }
  }

  function dispatch(bytes: Buffer, path: Path) {
    const parsed = parseMessage(bytes);
    if (!parsed.ok) {
      log.debug({ from: describeSource(path.remote), detail: parsed.detail }, "a SIP message that cannot be read");
      if (parsed.request && unreadable.allows(ownerOf(path.remote.address))) answerUnreadable(parsed, path);
    } else if (parsed.message.kind === "request") servers.receive(parsed.message, path);
    else clients.receive(parsed.message);
  }

  open = true;

  return {
    listening: transports.listening,
    reachableAt: transports.reachableAt,
    locate: transports.locate,
    renewTls: transports.renewTls,
    request: clients.request,
    sendAck: clients.sendAck,
    get size() {
      return { client: clients.size, server: servers.size, connections: transports.connections };
    },
    close: async () => {
      open = false;
      clients.close();
      servers.close();
      await transports.close();
    },
  };
}
