import type { Socket } from "node:net";
import type { Protocol, RequestFailure, Source } from "../endpoint.ts";
import { createStreamParser, type StreamEvent } from "../message/createStreamParser.ts";
import { plainAddress } from "./address.ts";
import { createRateLimit } from "./createRateLimit.ts";
import { describeFailure } from "./describeFailure.ts";
import type { HostPort, Inbound, Path } from "./path.ts";

export interface Connection {
  readonly remote: Source;
  /** Our address of it. */
  readonly local: HostPort;
  /** As a way to send on, for a request that found it open or for which it was opened. */
  path(reused: boolean): Path;
  readonly closed: boolean;
  /** We opened it, a request has had no answer, and nothing else was heard since: the other side may be gone without a word. */
  readonly mute: boolean;
  /** When something was last said on it (`performance.now()`). */
  readonly lastAlive: number;
  destroy(): void;
}

export interface ConnectionOptions {
  protocol: Exclude<Protocol, "udp">;
  /** Who opened it. */
  opened: "here" | "there";
  /** The name of the other side, for words. */
  host: string;
  /** What our Via says, given our end of the connection. */
  sentBy(local: HostPort): HostPort;
  limits: ConnectionLimits;
  onClosed(): void;
}

export interface ConnectionLimits {
  /** Closed after this long without a message, unless it is needed; of those opened by others, without anything. */
  idleMs: number;
  /** We send a keep-alive (RFC 5626 4.4.1) on what we opened. */
  keepAliveMs: number;
  /** A message that has begun, and the first one of who connects, must have come within this time. */
  messageMs: number;
  /** What the other side does not take; beyond it, it is closed. */
  unsentBytes: number;
  /** Nothing more is read of who connected to us until it has taken what is beyond this. */
  unreadBytes: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  idleMs: 10 * 60_000,
  keepAliveMs: 100_000,
  messageMs: 20_000,
  unsentBytes: 4 * 1024 * 1024,
  unreadBytes: 128 * 1024,
};

/** Then it is the turn of others. */
const MESSAGES_A_TURN = 16;
/** RFC 5626 4.4.1 asks for one in two minutes. */
const PINGS = { perSecond: 1, burst: 60, keys: 1 };

const PING = Buffer.from("\r\n\r\n");
const PONG = Buffer.from("\r\n");

/** One TCP or TLS connection: messages in and out (RFC 3261 18.3), keep-alives, and an end to those that stall. */
export function createConnection(socket: Socket, options: ConnectionOptions, inbound: Inbound): Connection {
  const { protocol, limits } = options;
  const remote: Source = { protocol, address: plainAddress(socket.remoteAddress ?? ""), port: socket.remotePort ?? 0 };
  const local: HostPort = { host: plainAddress(socket.localAddress ?? ""), port: socket.localPort ?? 0 };
  const sentBy = options.sentBy(local);
  const lost = new Set<(failure: RequestFailure) => void>();
  let closed = false;
  let reason: Error | undefined;
  let lastAlive = performance.now();
  let lastSent = lastAlive;
  let lastHeard = lastAlive;
  let mute = false;
  let deadline: NodeJS.Timeout | undefined;

  const expect = () => {
    deadline ??= setTimeout(() => stop("it sends too slowly"), limits.messageMs);
  };
  function stop(why: string) {
    reason ??= new Error(why);
    socket.destroy();
  }

  const parser = createStreamParser();
  const pings = createRateLimit(PINGS);
  let ponged = false;
  let working = false;

  function take(event: StreamEvent) {
    clearTimeout(deadline);
    deadline = undefined;
    if (event.kind === "broken") return stop(`it sends what is not SIP: ${event.detail}`);
    if (event.kind === "message" || options.opened === "there") lastAlive = performance.now();
    if (event.kind === "message") inbound.message(event.bytes, forInbound);
    if (event.kind === "ping") answerPing();
  }

  function answerPing() {
    if (!pings.allows("")) return stop("it sends keep-alives all the time");
    if (!ponged) write(PONG);
    ponged = true;
  }

  const isFull = () => options.opened === "there" && socket.writableLength > limits.unreadBytes;

  /** Some of what has come. The rest waits for a later turn, and until our answers are taken; so does what is to come. */
  function work() {
    working = false;
    for (let left = MESSAGES_A_TURN; left > 0 && !isFull(); left--) {
      const event = socket.destroyed ? null : parser.next();
      if (!event) {
        if (parser.partial && !closed) expect();
        return socket.resume();
      }
      take(event);
    }
    working = true;
    socket.pause();
    if (isFull()) socket.once("drain", work);
    else setImmediate(work);
  }

  function write(bytes: Buffer): boolean {
    if (closed || !socket.writable) return false;
    lastSent = performance.now();
    if (socket.writableLength > limits.unsentBytes) stop("it does not take what we send");
    else socket.write(bytes);
    return !socket.destroyed;
  }

  const path = (reused: boolean): Path => {
    const self: Path = {
      protocol,
      remote,
      sentBy,
      reliable: true,
      get closed() {
        return closed || !socket.writable;
      },
      reused,
      send: (bytes, failed) => {
        lastAlive = performance.now();
        if (!write(bytes) && failed) queueMicrotask(() => failed(describeLoss()));
      },
      unheardSince: (sentMs) => {
        // To who connected to us there may be no other way.
        mute ||= options.opened === "here" && lastHeard < sentMs;
        return mute;
      },
      close: stop,
      onLost: (listener) => {
        lost.add(listener);
        return () => lost.delete(listener);
      },
      to: () => self,
    };
    return self;
  };
  const forInbound = path(true);

  function describeLoss(): RequestFailure {
    return reason ? describeFailure(reason, options.host) : { kind: "unreachable", detail: `${options.host} closed the connection` };
  }

  const upkeep = setInterval(() => {
    const now = performance.now();
    if (now - lastAlive > limits.idleMs && !inbound.needs?.(remote)) stop("nothing was said on it for long");
    else if (options.opened === "here" && now - lastSent >= limits.keepAliveMs) write(PING);
  }, Math.min(limits.keepAliveMs, limits.idleMs) / 2);
  if (options.opened === "there") expect();

  socket.on("data", (chunk: Buffer) => {
    lastHeard = performance.now();
    mute = false;
    ponged = false;
    parser.push(chunk);
    if (!working) work();
  });
  socket.on("error", (error) => {
    reason ??= error;
  });
  function ended() {
    if (closed) return;
    closed = true;
    clearTimeout(deadline);
    clearInterval(upkeep);
    options.onClosed();
    for (const listener of [...lost]) listener(describeLoss());
    lost.clear();
  }
  // It may have gone between its opening and now.
  if (socket.destroyed) queueMicrotask(ended);
  else socket.on("close", ended);

  return {
    remote,
    local,
    path,
    get closed() {
      return closed || !socket.writable;
    },
    get mute() {
      return mute;
    },
    get lastAlive() {
      return lastAlive;
    },
    destroy: () => socket.destroy(),
  };
}
