import { createUserAgent } from "../../../src/carriers/sip/createUserAgent.ts";
import { realTiming, type Timing } from "../../../src/carriers/sip/dialog/timing.ts";
import { createMediaEngine } from "../../../src/carriers/sip/media/createMediaEngine.ts";
import type { MediaEngine, MediaSession } from "../../../src/carriers/sip/media/media.ts";
import { nameAddr } from "../../../src/carriers/sip/message/nameAddr.ts";
import { sipUri } from "../../../src/carriers/sip/message/uri.ts";
import { type OpenEndpoint, openEndpoint } from "../../../src/carriers/sip/openEndpoint.ts";
import type { LocalAudio } from "../../../src/carriers/sip/sdp/negotiation.ts";
import type { Timers } from "../../../src/carriers/sip/transaction/timers.ts";
import type {
  IncomingInvite,
  InviteOptions,
  SipCall,
  SipCallEnd,
  SipCallHandler,
  UserAgent,
} from "../../../src/carriers/sip/user-agent.ts";
import { hurry } from "../../../src/platform/hurry.ts";
import { createLog } from "../../../src/platform/log.ts";
import { until } from "../../support/until.ts";

const LOOPBACK = "127.0.0.1";

/** Our user agent on real sockets with real audio, as the carrier puts it together. */
export interface TestAgent {
  agent: UserAgent;
  endpoint: OpenEndpoint;
  media: MediaEngine;
  port: number;
  /** Calls a port of the loopback. */
  call(port: number, options?: CallOptions): Promise<Talk & { call: SipCall }>;
  /** Takes the next INVITE for that user; what is returned waits for it. */
  expect(user: string): () => Promise<IncomingInvite>;
  /** Users whose callers gave up before anything was decided. */
  gone: ReadonlySet<string>;
  accept(invite: IncomingInvite, codecs?: LocalAudio["codecs"]): Promise<Talk & { call: SipCall }>;
  close(): Promise<void>;
}

export type CallOptions = Partial<Pick<InviteOptions, "ringTimeoutMs" | "firstResponseTimeoutMs">> & { codecs?: LocalAudio["codecs"] };

/** A call as its owner is told of it. */
export interface Talk {
  media: MediaSession;
  told: readonly string[];
  digits: readonly string[];
  becomes(what: string): Promise<unknown>;
  ended(): Promise<SipCallEnd>;
}

/** `timing`: of calls, in place of the clock. `timers`: of transactions; those of RFC 3261 when not said. */
export async function openTestAgent({
  timing = realTiming,
  timers = {},
  silentAfterMs = 15_000,
}: {
  timing?: Timing;
  timers?: Partial<Timers>;
  silentAfterMs?: number;
} = {}): Promise<TestAgent> {
  // As the voice process does; the telephones that we start inherit it.
  hurry();
  const log = createLog("silent");
  const wanted = new Set<string>();
  const arrived = new Map<string, IncomingInvite>();
  const gone = new Set<string>();
  const opened: OpenEndpoint[] = [];
  const agent = await createUserAgent({
    open: async (handler) => {
      const listen = [{ protocol: "udp", address: LOOPBACK, port: 0 }] as const;
      const endpoint = await openEndpoint({ listen, timers, log }, handler);
      opened.push(endpoint);
      return endpoint;
    },
    incoming(invite) {
      const { uri } = invite.request;
      const user = uri.kind === "sip" ? (uri.user ?? "") : "";
      invite.onGone(() => gone.add(user));
      if (wanted.delete(user)) arrived.set(user, invite);
      else invite.reject(404);
    },
    log,
    timing,
  });
  const [endpoint] = opened;
  if (!endpoint) throw new Error("the endpoint was not opened");
  // Below those that the system gives to others.
  const from = 20_000 + 2 * Math.floor(Math.random() * 6_000);
  const media = createMediaEngine({ ports: { from, to: from + 399 }, bindAddress: LOOPBACK, silentAfterMs, log });
  const audioOf = (session: MediaSession, codecs: LocalAudio["codecs"] = ["PCMA", "PCMU"]): LocalAudio => ({
    address: LOOPBACK,
    port: session.port,
    codecs,
    srtp: "off",
  });

  return {
    agent,
    endpoint,
    media,
    port: endpoint.listening[0]?.port ?? 0,
    async call(port, { codecs, ringTimeoutMs = 20_000, firstResponseTimeoutMs = 10_000 } = {}) {
      const talk = listenTo(await media.open({}));
      const options = {
        target: { protocol: "udp", host: LOOPBACK, port },
        uri: sipUri({ user: "+972501234567", host: LOOPBACK, port }),
        from: nameAddr(sipUri({ user: "+97231234567", host: LOOPBACK })),
        to: nameAddr(sipUri({ user: "+972501234567", host: LOOPBACK })),
        media: talk.media,
        audio: audioOf(talk.media, codecs),
        ringTimeoutMs,
        firstResponseTimeoutMs,
      } as const;
      return { ...talk, call: agent.invite(options, talk.handler) };
    },
    expect(user) {
      wanted.add(user);
      return () => until(() => arrived.get(user), { what: `an INVITE for ${user}` });
    },
    gone,
    async accept(invite, codecs) {
      const talk = listenTo(await media.open({}));
      return { ...talk, call: invite.accept({ media: talk.media, audio: audioOf(talk.media, codecs) }, talk.handler) };
    },
    async close() {
      await agent.close(1_000);
      await endpoint.close();
      await media.close();
    },
  };
}

function listenTo(media: MediaSession): Talk & { handler: SipCallHandler } {
  const told: string[] = [];
  const digits: string[] = [];
  let end: SipCallEnd | undefined;
  media.onDigit((digit) => digits.push(digit));
  return {
    media,
    told,
    digits,
    handler: {
      ringing: (early) => told.push(early ? "ringing with audio" : "ringing"),
      answered() {
        told.push("answered");
        media.start();
      },
      ended(how) {
        if (end) throw new Error("a call ends once");
        told.push(`ended ${how.why}`);
        end = how;
        media.close();
      },
    },
    becomes: (what) => until(() => told.includes(what), { what: `${what} (told: ${told.join(", ")})` }),
    ended: () => until(() => end, { what: `the call's end (told: ${told.join(", ")})`, withinMs: 20_000 }),
  };
}
