import type { House } from "../../../core/context.ts";
import { findOnlyNumber } from "../../../core/trunks/findOnlyNumber.ts";
import { findTrunkNumber } from "../../../core/trunks/findTrunkNumber.ts";
import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import type { Gateway } from "../../../core/trunks/trunk.ts";
import type { Log } from "../../../platform/log.ts";
import { countryOf } from "../../../platform/phone.ts";
import type { IncomingCall, Leg, LegEnd, LegHandler, RejectReason } from "../../carrier.ts";
import { NoFreePort } from "../media/media.ts";
import type { SipRequest } from "../message/message.ts";
import { parseNameAddr } from "../message/nameAddr.ts";
import { legEnd } from "../outcome.ts";
import type { IncomingInvite, SipCallEnd } from "../user-agent.ts";
import { gatewayUri, hostsOf } from "./addresses.ts";
import type { createAdmission } from "./admitCaller.ts";
import { type AudioLeg, createAudioLeg, failureOf, isExpected } from "./audioLeg.ts";
import { callerOf, readNumber, userOf } from "./callerOf.ts";
import { callVerdict } from "./check-words.ts";
import { credentialsOf } from "./credentialsOf.ts";
import { formatNumber } from "./formatNumber.ts";
import type { Line } from "./line.ts";
import type { SipTimers } from "./settings.ts";
import type { TrunkWatch } from "./watchTrunks.ts";

export interface ReceiveParts {
  house: Pick<House, "db">;
  line: Pick<Line, "need">;
  watch: Pick<TrunkWatch, "called">;
  admit: ReturnType<typeof createAdmission>;
  timers: SipTimers;
  log: Log;
  incoming(call: IncomingCall): void;
  /** An accepted leg begins; returns what is to be called at its end. */
  begin(leg: AudioLeg): () => void;
}

const STATUS: Record<RejectReason, number> = { unknown_number: 404, full: 486, unavailable: 503, blocked: 403 };

/** Takes an INVITE that begins a call: finds out whose it is, and hands it to the engine. */
export async function receiveCall(parts: ReceiveParts, invite: IncomingInvite): Promise<void> {
  const { request, source } = invite;
  let gone = false;
  const leave = new AbortController();
  invite.onGone(() => {
    gone = true;
    leave.abort();
  });
  const trunks = parts.admit(invite);
  if (!trunks) return;
  const called = await findCalled(parts, trunks, request);
  if (gone) return;
  const log = parts.log.child({ sipCallId: request.callId, source: source.address });
  if (!called) {
    log.info({ uri: userOf(request.uri) }, "an incoming call is for no number that can be read");
    return invite.reject(404);
  }
  const { trunk, to } = called;
  let decided = false;
  parts.incoming({
    trunkId: trunk.id,
    to,
    ...callerOf(request, countryOf(to)),
    reject(reason) {
      // After an accept that went wrong there is nothing left to refuse.
      if (!decided && !gone) invite.reject(STATUS[reason]);
      decided = true;
    },
    accept(handler, callId) {
      if (decided) throw new Error("an incoming call is accepted or rejected once");
      decided = true;
      const ofCall = log.child({ callId, trunk: trunk.id });
      return acceptCall(parts, { invite, trunk, to, handler, log: ofCall, left: leave.signal });
    },
  });
}

/**
 * The trunk and the number that is called. Where the number is: in the Request-URI, or, when a gateway puts our registered name
 * there, in P-Called-Party-ID (RFC 7315 4.2) or To; that name also tells trunks at one provider apart. A PBX that rings us as one of
 * its extensions names no number at all (RFC 3261 16.5: the registered address takes the place of the called one): it means ours.
 */
async function findCalled(
  parts: ReceiveParts,
  allowed: readonly OpenTrunk[],
  request: SipRequest,
): Promise<{ trunk: OpenTrunk; to: string } | undefined> {
  const party = parseNameAddr(request.headers.get("P-Called-Party-ID") ?? "");
  const dialled = userOf(request.uri);
  const others = [party && userOf(party.uri), userOf(request.to.uri)];
  const registered = allowed.filter(({ register, username }) => register && username === dialled);
  const ofRegistration = registered.length > 0;
  const trunks = ofRegistration ? registered : allowed;
  const texts = [...new Set((ofRegistration ? [...others, dialled] : [dialled, ...others]).flatMap((text) => text || []))];
  const ids = trunks.map(({ id }) => id);
  const numbered = (found: { trunkId: string; phone: string } | undefined) => {
    const trunk = found && trunks.find(({ id }) => id === found.trunkId);
    return trunk && { trunk, to: found.phone };
  };
  for (const text of texts) {
    const called = numbered(await findTrunkNumber(parts.house, ids, text));
    if (called) return called;
  }
  if (ofRegistration && !texts.some((text) => text !== dialled && readNumber(text, undefined) !== null)) {
    const only = numbered(await findOnlyNumber(parts.house, ids));
    if (only) return only;
  }
  const [trunk] = trunks;
  const [to] = texts.flatMap((text) => readNumber(text, undefined) ?? []);
  return trunk && to !== undefined ? { trunk, to } : undefined;
}

interface Accepting {
  invite: IncomingInvite;
  trunk: OpenTrunk;
  to: string;
  handler: LegHandler;
  log: Log;
  /** Aborted when the caller gave up. */
  left: AbortSignal;
}

/** The leg is answered from our 200 on, not from the ACK, as the caller pays from then on. A caller who never acknowledges is lost. */
function acceptCall(parts: ReceiveParts, { invite, trunk, to, handler, log, left }: Accepting): Leg {
  const { source } = invite;
  let done = () => {};
  const leg = createAudioLeg({
    handler,
    timers: parts.timers,
    log,
    done: () => done(),
    uriOf(number) {
      const gateway: Gateway = trunk.gateways[0] ?? { protocol: source.protocol, host: source.address, port: source.port };
      return gatewayUri(trunk, gateway, formatNumber(number, trunk.caller_id, countryOf(to)));
    },
    hosts: () => hostsOf(trunk),
  });
  done = parts.begin(leg);
  const note = (end: LegEnd) => {
    const gateway = trunk.gateways.find(({ host }) => host === source.address) ?? trunk.gateways[0];
    if (gateway && end.cause !== "canceled") parts.watch.called(trunk, gateway, callVerdict(end));
  };
  const callerLeft = () => leg.finish({ cause: "canceled", detail: "the caller gave up" });
  const run = async () => {
    // The handler hears nothing before this function has returned.
    await Promise.resolve();
    const line = await parts.line.need();
    const media = await leg.openMedia(line.media);
    if (left.aborted) return callerLeft();
    if (leg.over.aborted) return invite.reject(480);
    const audio = { port: media.port, codecs: trunk.codecs, srtp: trunk.srtp };
    const over = (end: SipCallEnd) => {
      note(legEnd(end, false));
      leg.finishAs(end);
    };
    leg.attach(invite.accept({ media, audio, ...credentialsOf(trunk) }, leg.listen(over)));
  };
  run().catch((error: unknown) => {
    if (left.aborted) return callerLeft();
    if (!isExpected(error)) log.error({ err: error }, "an incoming call could not be answered");
    invite.reject(503);
    const end = failureOf(error);
    if (error instanceof NoFreePort) note(end);
    leg.finish(end);
  });
  return { hangup: leg.hangup, transfer: leg.transfer };
}
