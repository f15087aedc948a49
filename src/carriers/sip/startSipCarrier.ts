import type { House } from "../../core/context.ts";
import type { Log } from "../../platform/log.ts";
import type { Listener } from "../../platform/postgres/listener.ts";
import type { Carrier, IncomingCall } from "../carrier.ts";
import type { Source } from "./endpoint.ts";
import { createAdmission } from "./trunks/admitCaller.ts";
import type { AudioLeg } from "./trunks/audioLeg.ts";
import { createDialTurns } from "./trunks/dial-turns.ts";
import { dialTrunk } from "./trunks/dialTrunk.ts";
import { createGatewayBoard } from "./trunks/gateway-board.ts";
import { createHealthWriter } from "./trunks/health-writer.ts";
import { createLine, type LineParts } from "./trunks/line.ts";
import { isIn, networksOf } from "./trunks/networks.ts";
import { receiveCall } from "./trunks/receiveCall.ts";
import { DEFAULT_TIMERS, type SipSettings, type SipTimers } from "./trunks/settings.ts";
import { openTrunkBook } from "./trunks/trunk-book.ts";
import { watchTrunks } from "./trunks/watchTrunks.ts";

export interface SipCarrierOptions {
  house: Pick<House, "db" | "clock" | "secrets">;
  /** Listens to TRUNKS_CHANNEL. */
  listener: Pick<Listener, "on">;
  log: Log;
  /** Of `nodes`; health is written once that row is there. */
  nodeId: string;
  settings: SipSettings;
  /** A call comes in. What it throws refuses the call. */
  incoming(call: IncomingCall): void;
  timers?: Partial<SipTimers>;
  /** Between 0 and 1. */
  random?: () => number;
  parts?: LineParts;
}

export interface SipCarrier {
  carrier: Carrier;
  /** Where SIP is spoken now; nothing while it is off. */
  readonly listening: readonly Source[];
  /** Hangs up what is left and takes back what is registered, within 1.5 s; then everything is closed. */
  close(): Promise<void>;
}

/** Of the time that a process has for stopping. */
const STOP_WITHIN_MS = 1_500;
/** What is left of it for calls that the carrier has given up on. */
const LAST_WORDS_MS = 700;

/** The carrier that reaches telephones over the SIP trunks of the store. Throws when the trunks cannot be read. */
export async function startSipCarrier(options: SipCarrierOptions): Promise<SipCarrier> {
  const { house, listener, log, nodeId, settings, incoming, random = Math.random } = options;
  const timers = { ...DEFAULT_TIMERS, ...options.timers };
  const board = createGatewayBoard();
  const health = createHealthWriter({ house, nodeId, log });
  const turns = createDialTurns(house);
  const legs = new Set<AudioLeg>();
  let ended = () => {};
  let closing = false;

  const keep = (leg: AudioLeg) => {
    legs.add(leg);
    return () => {
      legs.delete(leg);
      if (legs.size === 0) ended();
    };
  };
  // The first reading comes before there is anything to follow the trunks.
  let changed = () => {};
  const book = await openTrunkBook({ house, listener, log, pollMs: timers.pollMs, changed: () => changed() });
  const admit = createAdmission({ book, board, log });
  let networks = networksOf([]);
  const line = createLine({
    settings,
    timers,
    log,
    incoming(invite) {
      if (closing) return invite.reject(503);
      receiveCall({ house, line, watch, admit, timers, log, incoming, begin: keep }, invite).catch((error: unknown) => {
        log.error({ err: error, sipCallId: invite.request.callId }, "an incoming call could not be taken");
        invite.reject(503);
      });
    },
    // A dispatcher may hand the answer to a challenge to another node.
    nonceSecret: house.secrets.mac("sip digest nonce", ""),
    trusts: (address) => isIn(networks, address),
    changed: () => watch.checkAll(),
    ...(options.parts ? { parts: options.parts } : {}),
  });
  const watch = watchTrunks({ line, board, health, timers, random, log });
  const follow = () => {
    const trunks = book.all();
    networks = networksOf(trunks);
    if (trunks.length > 0) line.want(true);
    watch.follow(trunks);
    // The last trunk's registration is taken back before SIP goes off.
    if (trunks.length === 0) void watch.settled().then(() => line.want(book.all().length > 0));
  };
  const dialling = { house, book, line, board, turns, watch, timers, log };
  changed = follow;
  follow();

  return {
    carrier: {
      dial(request, handler) {
        let done = () => {};
        const leg = dialTrunk(dialling, request, handler, () => done());
        done = keep(leg);
        if (closing) queueMicrotask(leg.hangup);
        return { hangup: leg.hangup, transfer: leg.transfer };
      },
    },
    get listening() {
      return line.open?.agent.endpoint.listening ?? [];
    },
    async close() {
      closing = true;
      const over = new Promise<void>((resolve) => {
        ended = resolve;
        if (legs.size === 0) resolve();
      });
      for (const leg of [...legs]) leg.hangup();
      const budget = STOP_WITHIN_MS - LAST_WORDS_MS;
      await Promise.all([book.close(), within(budget, over), within(budget, watch.close(budget))]);
      for (const leg of [...legs]) leg.finish({ cause: leg.answered ? "hangup_local" : "canceled", detail: "the server stopped" });
      await line.close(LAST_WORDS_MS);
      await health.close();
    },
  };
}

/** Waits for `work`, but no longer than `ms`. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([
    work,
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    }),
  ]).finally(() => clearTimeout(timer));
}
