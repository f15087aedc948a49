import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { createUserAgent, type UserAgentOptions } from "../../../../src/carriers/sip/createUserAgent.ts";
import type { Timing } from "../../../../src/carriers/sip/dialog/timing.ts";
import type { MediaSession } from "../../../../src/carriers/sip/media/media.ts";
import { type OpenEndpoint, openEndpoint } from "../../../../src/carriers/sip/openEndpoint.ts";
import type { LocalAudio, NegotiatedAudio } from "../../../../src/carriers/sip/sdp/negotiation.ts";
import type {
  IncomingInvite,
  InviteOptions,
  SipCall,
  SipCallEnd,
  SipCallHandler,
  UserAgent,
} from "../../../../src/carriers/sip/user-agent.ts";
import { createLog } from "../../../../src/platform/log.ts";
import { until } from "../../../support/until.ts";
import { address, LOOPBACK, openPeer, type Peer } from "../peer.ts";

/** A user agent on a real endpoint, and a peer that says what the test says. */
export interface World {
  agent: UserAgent & { endpoint: OpenEndpoint };
  peer: Peer;
  /** Our port. */
  port: number;
  /** INVITEs that came, as their owner sees them. */
  invites: IncomingInvite[];
  call(options?: Partial<InviteOptions>): Called;
  /** `host`: an address of the loopback. */
  newPeer(host?: string): Promise<Peer>;
  /** Lets the user agent's time pass: what is due by then happens, in its order. */
  advance(ms: number): void;
}

export interface Called extends Heard {
  call: SipCall;
}

/** What a call's handler and media session were told. */
export interface Heard {
  handler: SipCallHandler;
  media: MediaSession;
  told: string[];
  negotiated: NegotiatedAudio[];
  digits: string[];
  /** What the media session was told of the other side's being there. */
  presence: string[];
  ended(): Promise<SipCallEnd>;
}

/** 64*T1 is 1.3 s: what waits for the end of a transaction is told soon. */
export const QUICK = { t1Ms: 20, t2Ms: 160, t4Ms: 200 };

export const AUDIO: LocalAudio = { address: LOOPBACK, port: 30_000, codecs: ["PCMA", "PCMU"], srtp: "off" };

export function heard(): Heard {
  const told: string[] = [];
  const negotiated: NegotiatedAudio[] = [];
  const digits: string[] = [];
  const presence: string[] = [];
  let end: SipCallEnd | undefined;
  const never = () => {
    throw new Error("that is for the owner of the media session");
  };
  return {
    told,
    negotiated,
    digits,
    presence,
    handler: {
      ringing: (early) => told.push(early ? "ringing with audio" : "ringing"),
      answered: () => told.push("answered"),
      ended: (how) => {
        told.push(`ended ${how.why}`);
        if (end) throw new Error("a call ends once");
        end = how;
      },
    },
    media: {
      kind: "audio",
      port: AUDIO.port,
      negotiated: (audio) => negotiated.push(audio),
      digitByInfo: (digit) => digits.push(digit),
      sendInfo: undefined,
      waitForPeer: () => presence.push("awaited"),
      peerIsThere: () => presence.push("there"),
      start: never,
      close: never,
      onFrame: never,
      onDigit: never,
      play: never,
      clear: never,
      drained: never,
      position: never,
      sendDigits: never,
    },
    ended: () => until(() => end, { what: `the call's end (told: ${told.join(", ")})` }),
  };
}

/** Time that passes when a test says so. */
export function handTiming(): { timing: Timing; advance(ms: number): void; readonly waiting: number } {
  let now = 0;
  const due = new Set<{ at: number; run: () => void }>();
  return {
    timing: {
      nowMs: () => now,
      after: (ms, run) => {
        const one = { at: now + ms, run };
        due.add(one);
        return () => due.delete(one);
      },
    },
    advance: (ms) => {
      const end = now + ms;
      for (;;) {
        const next = [...due].filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        due.delete(next);
        now = next.at;
        next.run();
      }
      now = end;
    },
    get waiting() {
      return due.size;
    },
  };
}

let worlds = 0;

/** Closes with the test, and looks then that nothing is left of any call. */
export async function openWorld(
  t: TestContext,
  { timers = {}, ...options }: Partial<UserAgentOptions> & { timers?: Partial<typeof QUICK> } = {},
): Promise<World> {
  const log = createLog("silent");
  const invites: IncomingInvite[] = [];
  const time = handTiming();
  const peers: Peer[] = [];
  const opened: OpenEndpoint[] = [];
  const agent = await createUserAgent({
    open: async (handler) => {
      const endpoint = await openEndpoint({ listen: [{ protocol: "udp", address: LOOPBACK, port: 0 }], timers, log }, handler);
      opened.push(endpoint);
      return endpoint;
    },
    incoming: (invite) => invites.push(invite),
    log,
    timing: time.timing,
    random: () => 0,
    ...options,
  });
  const [endpoint] = opened;
  if (!endpoint) throw new Error("the endpoint was not opened");

  async function newPeer(host?: string) {
    const peer = await openPeer(host);
    peers.push(peer);
    return peer;
  }

  t.after(async () => {
    const left = { calls: agent.size, timers: time.waiting };
    // Of a test that failed.
    void agent.close(0);
    time.advance(100_000);
    await endpoint.close();
    await Promise.all(peers.map((peer) => peer.close()));
    assert.deepEqual(left, { calls: 0, timers: 0 }, "nothing is left of a call");
    worlds--;
    const timers = process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    if (worlds === 0) assert.equal(timers, 0, "no transaction is left");
  });
  worlds++;
  const peer = await newPeer();
  return {
    agent: Object.assign(agent, { endpoint }),
    peer,
    port: endpoint.listening[0]?.port ?? 0,
    invites,
    newPeer,
    advance: time.advance,
    call: (over = {}) => {
      const log = heard();
      const call = agent.invite(
        {
          target: peer.target,
          uri: address(`<sip:+972501234567@${LOOPBACK}:${peer.port}>`).uri,
          from: address(`<sip:+97231234567@${LOOPBACK}>`),
          to: address(`<sip:+972501234567@${LOOPBACK}>`),
          media: log.media,
          audio: AUDIO,
          ringTimeoutMs: 20_000,
          firstResponseTimeoutMs: 5_000,
          ...over,
        },
        log.handler,
      );
      return { ...log, call };
    },
  };
}
