import { lookup } from "node:dns/promises";
import { Agent, errors } from "undici";
import { OutboundError } from "./errors.ts";
import { guardedConnect, type Resolve } from "./guarded-connect.ts";
import { resolveByDns } from "./resolveByDns.ts";

export interface OutboundRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute http or https URL, without user and password. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** Gives up early. */
  signal?: AbortSignal;
}

/** The only way out to addresses that users typed. */
export interface Outbound {
  /** The status that the server answered with; redirects are not followed. Throws OutboundError when there was no answer. */
  send(request: OutboundRequest): Promise<{ status: number }>;
  /** Breaks off what is under way and closes every connection. */
  close(): Promise<void>;
}

export interface OutboundOptions {
  /** Also private and loopback addresses. */
  allowPrivate: boolean;
  /** From the start to the last byte of the answer; also the most that resolving, connecting and the TLS handshake may take together. */
  timeoutMs: number;
  /** Of an answer's body; the connection of a longer one is dropped. */
  maxResponseBytes: number;
  resolve?: Resolve;
}

/** Answers before the real one (RFC 9110 15.2) that a server may send: each takes the time of a whole answer. */
const MOST_PRELIMINARY = 20;

/** Speaks HTTP/1.1, asks for no compression, follows no redirect and knows no proxy settings. */
export function createOutbound(options: OutboundOptions): Outbound {
  const { allowPrivate, timeoutMs, maxResponseBytes, resolve = allowPrivate ? lookUp : resolveByDns } = options;
  const agent = new Agent({ connect: guardedConnect({ allowPrivate, timeoutMs, resolve }), allowH2: false });
  const closing = new AbortController();

  return {
    async send({ method, url, headers = {}, body, signal }) {
      const target = parse(url);
      const timeout = AbortSignal.timeout(timeoutMs);
      const babble = new AbortController();
      let preliminary = 0;
      const stop = AbortSignal.any([timeout, closing.signal, babble.signal, ...(signal ? [signal] : [])]);
      try {
        stop.throwIfAborted();
        const answer = agent.request({
          origin: target.origin,
          path: `${target.pathname}${target.search}`,
          method,
          headers,
          body: body ?? null,
          signal: stop,
          onInfo: () => {
            if (++preliminary > MOST_PRELIMINARY) babble.abort();
          },
        });
        // The agent notices the signal only once it is connected.
        const response = await unless(stop, answer);
        // The answer stands, whatever becomes of its body, which is read only so that the connection can serve again.
        await response.body.dump({ limit: maxResponseBytes, signal: stop }).catch(() => undefined);
        return { status: response.statusCode };
      } catch (error) {
        if (timeout.aborted && !closing.signal.aborted) {
          throw new OutboundError("timeout", `${target.host} did not answer within ${timeoutMs} ms.`, error);
        }
        if (babble.signal.aborted) throw new OutboundError("connection_lost", `${target.host} sent too many preliminary answers.`, error);
        if (stop.aborted) throw new OutboundError("aborted", `The request to ${target.host} was broken off.`, error);
        throw asOutboundError(error, target);
      }
    },
    async close() {
      closing.abort();
      await agent.destroy();
    },
  };
}

/** Names of the neighbourhood, such as those of the hosts file, too. */
const lookUp: Resolve = (hostname) => lookup(hostname, { all: true });

function parse(url: string): URL {
  if (!URL.canParse(url)) throw new OutboundError("invalid_url", "The URL cannot be read.");
  const target = new URL(url);
  if (target.protocol !== "http:" && target.protocol !== "https:") {
    throw new OutboundError("invalid_url", `The URL must start with http:// or https://, not ${target.protocol}`);
  }
  if (target.username !== "" || target.password !== "") {
    throw new OutboundError("invalid_url", "The URL must not hold a user or password.");
  }
  return target;
}

async function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}

function asOutboundError(error: unknown, { host }: URL): OutboundError {
  if (error instanceof OutboundError) return error;
  if (error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError) {
    return new OutboundError("invalid_request", `The request cannot be sent: ${error.message}.`, error);
  }
  if (error instanceof errors.ConnectTimeoutError)
    return new OutboundError("timeout", `${host} did not take the connection in time.`, error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const broken = [errors.SocketError, errors.HTTPParserError, errors.HeadersOverflowError].some((kind) => error instanceof kind);
  // Who takes no connection refuses it; what is reset was there.
  if (broken || code === "ECONNRESET" || code === "EPIPE") {
    return new OutboundError("connection_lost", `The connection to ${host} broke before the answer was complete.`, error);
  }
  return new OutboundError("connect_failed", `There is no connection to ${host}${code && ` (${code})`}.`, error);
}
