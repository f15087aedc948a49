import type { Log } from "../../platform/log.ts";
import { capabilities, refusalOf } from "./dialog/capabilities.ts";
import { type CallContext, callKey } from "./dialog/context.ts";
import { tagOf } from "./dialog/dialog.ts";
import { methodRefusal } from "./dialog/methodRefusal.ts";
import { placeCall } from "./dialog/placeCall.ts";
import { receiveInvite } from "./dialog/receiveInvite.ts";
import { singleRequest } from "./dialog/singleRequest.ts";
import { realTiming, type Timing } from "./dialog/timing.ts";
import { createChallenger } from "./digest.ts";
import type { EndpointHandler, Reply, ServerTransaction, SipEndpoint } from "./endpoint.ts";
import type { SipRequest } from "./message/message.ts";
import type { IncomingInvite, UserAgent } from "./user-agent.ts";

export interface UserAgentOptions {
  /** Opens the endpoint that hands its requests to the handler; it is closed by whoever opened it. */
  open(handler: EndpointHandler): Promise<SipEndpoint>;
  incoming(invite: IncomingInvite): void;
  log: Log;
  /** How long a call lives without a sign of the other side (RFC 4028); 1800 when not given. */
  sessionExpiresSeconds?: number;
  /** What it calls itself in User-Agent. */
  userAgent?: string;
  /** Of the nonces that callers are challenged with: the same in every node that may get the answer to another's; else made up. */
  nonceSecret?: Buffer;
  /** For tests. */
  timing?: Timing;
  /** Between 0 and 1. */
  random?: () => number;
}

/** RFC 4028 5: less is not allowed. */
const MIN_SE_SECONDS = 90;

export async function createUserAgent(options: UserAgentOptions): Promise<UserAgent & { endpoint: SipEndpoint }> {
  const { log, incoming, userAgent, sessionExpiresSeconds = 1_800, timing = realTiming } = options;
  const challenger = createChallenger(options.nonceSecret ? { secret: options.nonceSecret } : {});
  const calls: CallContext["calls"] = new Map();
  let emptied: () => void = () => {};
  let closing = false;
  let context: CallContext | undefined;

  function receive(transaction: ServerTransaction) {
    const { request } = transaction;
    const call = calls.get(callKey(request.callId, tagOf(request.to)));
    if (call) return call.request(transaction);
    const reply = answerTo(request);
    if (reply) transaction.respond({ ...reply, stateless: true });
    else if (context) receiveInvite(context, transaction, challenger, incoming);
  }

  /** To what belongs to no call; undefined for an INVITE that begins one. */
  function answerTo(request: SipRequest): Reply | undefined {
    if (tagOf(request.to) !== "") return { status: 481 };
    if (request.uri.kind === "other" && request.uri.scheme !== "tel") return { status: 416 };
    if (request.method !== "INVITE" && request.method !== "OPTIONS") return methodRefusal(request.method);
    // To OPTIONS too: a dispatcher that asks sends new calls elsewhere.
    if (closing || !context) return { status: 503 };
    if (request.method === "INVITE") return undefined;
    return refusalOf(request) ?? { status: 200, headers: capabilities() };
  }

  const endpoint = await options.open({
    request: receive,
    ack: (ack) => calls.get(callKey(ack.callId, tagOf(ack.to)))?.ack(ack),
    needs: (remote) => calls.values().some((call) => call.meets(remote)),
  });
  const made: CallContext = {
    endpoint,
    log,
    sessionExpiresSeconds,
    minSeSeconds: Math.min(MIN_SE_SECONDS, sessionExpiresSeconds),
    timing,
    software: userAgent,
    random: options.random ?? Math.random,
    realms: new Set(),
    calls,
    forget: (key) => {
      calls.delete(key);
      if (calls.size === 0) emptied();
    },
  };
  context = made;

  function empty(withinMs: number): Promise<void> {
    if (calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const stop = timing.after(withinMs, resolve);
      emptied = () => {
        stop();
        resolve();
      };
    });
  }

  return {
    endpoint,
    invite: (invite, handler) => placeCall(made, invite, handler),
    request: (request) => singleRequest(made, request),
    get size() {
      return calls.size;
    },
    close: (withinMs) => {
      closing = true;
      for (const call of [...calls.values()]) call.hangup();
      return empty(withinMs);
    },
  };
}
