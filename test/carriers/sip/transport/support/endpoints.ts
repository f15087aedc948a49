import type { TestContext } from "node:test";
import type { ClientHandler, EndpointHandler, RequestFailure, Target } from "../../../../../src/carriers/sip/endpoint.ts";
import type { SipResponse } from "../../../../../src/carriers/sip/message/message.ts";
import { type EndpointOptions, type OpenEndpoint, openEndpoint } from "../../../../../src/carriers/sip/openEndpoint.ts";
import { createLog } from "../../../../../src/platform/log.ts";

export const log = createLog("silent");

/** What does nothing with what comes. */
export const NOBODY: EndpointHandler = { request: () => {}, ack: () => {} };

/** Everything answers 200. */
export const OBLIGING: EndpointHandler = { request: (transaction) => transaction.respond({ status: 200 }), ack: () => {} };

/** 64*T1 is 3.8 s: what comes to its end within it may be slow. */
const TIMERS = { t1Ms: 60, t2Ms: 240, t4Ms: 300 };

export async function open(
  t: TestContext,
  handler: Partial<EndpointHandler> = {},
  options: Partial<EndpointOptions> = {},
): Promise<OpenEndpoint> {
  const listen = options.listen ?? [{ protocol: "udp", address: "127.0.0.1", port: 0 }];
  const endpoint = await openEndpoint({ timers: TIMERS, log, ...options, listen }, { ...NOBODY, ...handler });
  t.after(() => endpoint.close());
  return endpoint;
}

/** Where an endpoint listens. */
export function targetOf(endpoint: OpenEndpoint, protocol: Target["protocol"] = "udp"): Target & { port: number } {
  const found = endpoint.listening.find((one) => one.protocol === protocol);
  if (!found) throw new Error(`no listener for ${protocol}`);
  return { protocol, host: found.address, port: found.port };
}

export interface Heard extends ClientHandler {
  trying(): void;
  provisional(response: SipResponse): void;
  readonly provisionals: SipResponse[];
  readonly finals: SipResponse[];
  readonly failures: RequestFailure[];
  readonly tryings: number;
  /** The first end of it. */
  readonly end: Promise<SipResponse | RequestFailure>;
}

export function hear(): Heard {
  const { promise, resolve } = Promise.withResolvers<SipResponse | RequestFailure>();
  const provisionals: SipResponse[] = [];
  const finals: SipResponse[] = [];
  const failures: RequestFailure[] = [];
  let tryings = 0;
  return {
    provisionals,
    finals,
    failures,
    get tryings() {
      return tryings;
    },
    end: promise,
    trying: () => {
      tryings += 1;
    },
    provisional: (response) => {
      provisionals.push(response);
    },
    final: (response) => {
      finals.push(response);
      resolve(response);
    },
    failed: (failure) => {
      failures.push(failure);
      resolve(failure);
    },
  };
}
