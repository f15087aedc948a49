import type { Log } from "../../../platform/log.ts";
import type { Leg, LegEnd, LegHandler, TransferResult } from "../../carrier.ts";
import { type MediaEngine, type MediaSession, NoFreePort } from "../media/media.ts";
import type { Uri } from "../message/message.ts";
import { legEnd } from "../outcome.ts";
import type { SipCall, SipCallEnd, SipCallHandler } from "../user-agent.ts";
import { hideHosts } from "./hideHosts.ts";
import { LineDown } from "./line.ts";
import type { SipTimers } from "./settings.ts";

/** What outgoing and incoming legs have in common: one media session, one SIP call at a time, one end. */
export interface AudioLeg extends Leg {
  /** Aborted as soon as the leg is hung up or over: nothing is to be waited for, or begun, any more. */
  readonly over: AbortSignal;
  readonly rang: boolean;
  readonly answered: boolean;
  /** Throws NoFreePort. Once. */
  openMedia(engine: Pick<MediaEngine, "open">): Promise<MediaSession>;
  /** What the SIP call is to be given; `ended` decides whether that was the end of the leg. */
  listen(ended: (end: SipCallEnd) => void): SipCallHandler;
  attach(call: SipCall): void;
  /** The leg is over as the SIP call is. */
  finishAs(end: SipCallEnd): void;
  /** The leg is over; the first end counts. */
  finish(end: LegEnd): void;
}

export interface AudioLegOptions {
  handler: LegHandler;
  timers: SipTimers;
  /** Of this leg. */
  log: Log;
  /** Where a number is at the trunk; for transfers. */
  uriOf(number: string): Uri;
  /** Host names of the operator that a tenant is not to see. */
  hosts(): readonly string[];
  /** After `ended` has been told. */
  done(): void;
}

/** Of what only the operator can understand. */
export const OUT_OF_ORDER = "the telephone line is out of order";

export const NO_FREE_PORT = "every RTP port of RTP_PORTS is in use";

/** Of a call whose end SIP did not tell. */
const ANSWERED = { status: 200, reason: "OK", q850: null };

export function createAudioLeg({ handler, timers, log, uriOf, hosts, done }: AudioLegOptions): AudioLeg {
  const over = new AbortController();
  let media: MediaSession | undefined;
  let call: SipCall | undefined;
  let impatience: NodeJS.Timeout | undefined;
  let [rang, answered, ended] = [false, false, false];
  /** Decided before the SIP call told its own end. */
  let verdict: LegEnd | undefined;

  const finish = (end: LegEnd) => {
    if (ended) return;
    ended = true;
    over.abort();
    clearTimeout(impatience);
    const quality = media?.close();
    const outcome = { ...(answered ? { sip: ANSWERED } : {}), ...end, ...verdict };
    const { cause, detail } = outcome;
    if (cause === "failed" || cause === "lost") log.warn({ detail }, cause === "lost" ? "a call was lost" : "a call failed");
    handler.ended({ ...forTenant(outcome, hosts()), ...(answered && quality ? { quality } : {}) });
    done();
  };
  const hangup = () => {
    if (ended || over.signal.aborted) return;
    over.abort();
    const end: LegEnd = answered
      ? { cause: "hangup_local", detail: "hung up by us" }
      : { cause: "canceled", detail: "hung up by us before it was answered" };
    if (!call) return finish(end);
    // A peer that says nothing more does not hold the leg.
    impatience = setTimeout(() => finish(end), timers.hangupMs);
    call.hangup();
  };
  const silence = (ms: number) => {
    if (over.signal.aborted || !answered) return;
    if (ms < timers.silentEndMs) {
      // Told again and again while it lasts; once is enough.
      if (ms < 2 * timers.silentWarnMs) log.warn({ silentMs: ms }, "no audio comes from the other side");
      return;
    }
    verdict = { cause: "lost", detail: `no audio came from the other side for ${Math.round(ms / 1000)} s` };
    hangup();
  };

  return {
    over: over.signal,
    get rang() {
      return rang;
    },
    get answered() {
      return answered;
    },
    async openMedia(engine) {
      const opened = await engine.open({ silent: silence });
      if (ended) opened.close();
      media = opened;
      return opened;
    },
    listen: (told) => ({
      ringing() {
        if (rang || answered || over.signal.aborted) return;
        rang = true;
        handler.ringing();
      },
      answered() {
        if (answered || ended || !media) return;
        // Hung up in the very moment of the answer: the user agent sends BYE, and nobody need know.
        if (over.signal.aborted) return;
        answered = true;
        media.start();
        handler.answered(media, "unknown");
      },
      ended(end) {
        call = undefined;
        told(end);
      },
    }),
    attach(next) {
      call = next;
      if (over.signal.aborted) next.hangup();
    },
    finishAs(end) {
      const outcome = legEnd(end, rang);
      // Hung up by us before the handler was told of an answer: also when it was answered, or nobody was there, at that moment.
      const canceled = over.signal.aborted && !answered && outcome.cause !== "busy" && outcome.cause !== "declined";
      finish(canceled ? { ...outcome, cause: "canceled" } : outcome);
    },
    finish,
    hangup,
    async transfer(to): Promise<TransferResult> {
      if (!call || !answered || ended) return { accepted: false, detail: "the call is not answered or over" };
      const { accepted, detail } = await call.refer(uriOf(to));
      return accepted ? { accepted } : { accepted, detail };
    },
  };
}

function forTenant(end: LegEnd, hosts: readonly string[]): LegEnd {
  const { detail, sip } = end;
  const words = end.told ?? detail;
  const told = words === undefined ? undefined : hideHosts(words, hosts);
  const reason = sip?.reason == null ? null : hideHosts(sip.reason, hosts);
  return { ...end, ...(told === undefined || told === detail ? {} : { told }), ...(sip ? { sip: { ...sip, reason } } : {}) };
}

/** Nobody's fault in the code: told where the leg ends. */
export const isExpected = (error: unknown): boolean => error instanceof NoFreePort || error instanceof LineDown;

/** What ends a leg that could not be begun. */
export function failureOf(error: unknown): LegEnd {
  if (error instanceof NoFreePort) return { cause: "failed", detail: NO_FREE_PORT };
  return { cause: "failed", detail: error instanceof Error ? error.message : String(error), told: OUT_OF_ORDER };
}
