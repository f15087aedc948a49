import type { House } from "../../../core/context.ts";
import type { OpenTrunk } from "../../../core/trunks/loadTrunks.ts";
import { type Gateway, gatewayName } from "../../../core/trunks/trunk.ts";
import type { Log } from "../../../platform/log.ts";
import { countryOf } from "../../../platform/phone.ts";
import type { DialRequest, LegHandler } from "../../carrier.ts";
import type { PlacedTarget } from "../endpoint.ts";
import { type MediaSession, NoFreePort } from "../media/media.ts";
import { writeNameAddr } from "../message/nameAddr.ts";
import { legEnd } from "../outcome.ts";
import { withBrackets } from "../transport/address.ts";
import type { SipCallEnd } from "../user-agent.ts";
import { callAddresses, gatewayUri, hostsOf } from "./addresses.ts";
import { type AudioLeg, createAudioLeg, failureOf, isExpected, OUT_OF_ORDER } from "./audioLeg.ts";
import { callVerdict, SEALED_ELSEWHERE } from "./check-words.ts";
import { credentialsOf } from "./credentialsOf.ts";
import type { DialTurns } from "./dial-turns.ts";
import { formatNumber } from "./formatNumber.ts";
import type { GatewayBoard } from "./gateway-board.ts";
import type { Line, OpenLine } from "./line.ts";
import type { SipTimers } from "./settings.ts";
import type { TrunkBook } from "./trunk-book.ts";
import type { TrunkWatch } from "./watchTrunks.ts";

export interface DialParts {
  house: Pick<House, "db">;
  book: TrunkBook;
  line: Pick<Line, "need">;
  board: GatewayBoard;
  turns: DialTurns;
  watch: Pick<TrunkWatch, "met" | "called">;
  timers: SipTimers;
  log: Log;
}

/** A leg that we place. It is on its way once this has returned; what becomes of it is told to the handler. */
export function dialTrunk(parts: DialParts, request: DialRequest, handler: LegHandler, done: () => void): AudioLeg {
  const log = parts.log.child({ callId: request.callId, trunk: request.trunkId });
  let trunk: OpenTrunk | undefined;
  const leg = createAudioLeg({
    handler,
    timers: parts.timers,
    log,
    done,
    uriOf(number) {
      const gateway = trunk?.gateways[0];
      if (!trunk || !gateway) throw new Error("an answered leg has a trunk, and a trunk a gateway");
      return gatewayUri(trunk, gateway, formatNumber(number, trunk.caller_id, countryOf(request.from)));
    },
    hosts: () => (trunk ? hostsOf(trunk) : []),
  });
  const run = async () => {
    // The handler hears nothing before this function has returned.
    await Promise.resolve();
    trunk = await findTrunk(parts.book, request.trunkId);
    if (!trunk) return leg.finish({ cause: "failed", detail: "the trunk of this call has been removed" });
    if (trunk.password === undefined)
      return leg.finish({ cause: "failed", detail: `trunk ${trunk.name}: ${SEALED_ELSEWHERE}`, told: OUT_OF_ORDER });
    const line = await parts.line.need();
    await parts.turns.wait(trunk, leg.over);
    const media = await leg.openMedia(line.media);
    await tryGateways(parts, { leg, line, media, trunk, request, log });
  };
  run().catch((error: unknown) => {
    // What was hung up while it waited has ended already.
    if (!leg.over.aborted && !isExpected(error)) log.error({ err: error }, "a call could not be placed");
    const end = failureOf(error);
    const [gateway] = trunk?.gateways ?? [];
    if (trunk && gateway && error instanceof NoFreePort) parts.watch.called(trunk, gateway, callVerdict(end));
    leg.finish(end);
  });
  return leg;
}

async function findTrunk(book: TrunkBook, id: string | null): Promise<OpenTrunk | undefined> {
  if (id === null) return undefined;
  const known = book.get(id);
  if (known) return known;
  await book.refresh();
  return book.get(id);
}

interface Attempt {
  leg: AudioLeg;
  line: OpenLine;
  media: MediaSession;
  trunk: OpenTrunk;
  request: DialRequest;
  log: Log;
}

/**
 * One gateway after another, as long as none has taken the call: the next one is for a gateway that cannot be reached or says 503
 * (RFC 3261 21.5.4), never for one that answered anything else, also by its Q.850 cause, or let it ring.
 */
async function tryGateways(parts: DialParts, attempt: Attempt): Promise<void> {
  const { leg, trunk } = attempt;
  const gateways = parts.board.order(trunk);
  const troubles: string[] = [];
  for (const [index, gateway] of gateways.entries()) {
    const last = index === gateways.length - 1;
    const tried = await tryGateway(parts, attempt, gateway, last);
    if (tried === undefined) return;
    const { end, troubles: met } = tried;
    const untaken = isUntaken(leg, end);
    note(parts, trunk, gateway, { end, untaken, rang: leg.rang });
    if (!untaken) return leg.finishAs(end);
    troubles.push(`${gatewayName(gateway)}: ${met.join(", ")}`);
    if (last) return leg.finish({ ...legEnd(end, false), detail: troubles.join("; ") });
    attempt.log.warn({ gateway: gatewayName(gateway), detail: end.detail }, "the call goes to the next gateway");
  }
}

/**
 * Its places as if each were a gateway (RFC 3263 4.3). Resolves once this gateway's part is over; undefined when the leg was, before
 * it began.
 */
async function tryGateway(parts: DialParts, attempt: Attempt, gateway: Gateway, last: boolean): Promise<Tried | undefined> {
  const { leg, line, log } = attempt;
  const located = await line.agent.endpoint.locate(gateway);
  if (leg.over.aborted) return undefined;
  if ("failure" in located) return { end: unreachable(located.failure.detail), troubles: [located.failure.detail] };
  const places = located.places.slice(0, MOST_PLACES);
  const troubles: string[] = [];
  let said: SipCallEnd | undefined;
  for (const [index, place] of places.entries()) {
    const lastPlace = index === places.length - 1;
    const end = await tryPlace(parts, attempt, { gateway, place, last: last && lastPlace });
    const words = legEnd(end, false).detail ?? end.detail;
    troubles.push(places.length === 1 ? words : `${words} (${withBrackets(place.met.address)}:${place.port})`);
    if (!isUntaken(leg, end)) return { end, troubles };
    // One that is full says more of the gateway than others that are silent.
    if (end.why === "rejected") said = end;
    if (lastPlace) return { end: said ?? end, troubles };
    log.warn({ gateway: gatewayName(gateway), place: place.met, detail: end.detail }, "the call goes to the gateway's next address");
  }
}

/** Each that is silent costs some seconds, and somebody waits. */
const MOST_PLACES = 6;

interface Tried {
  end: SipCallEnd;
  /** What was met at each place, in words. */
  troubles: string[];
}

interface Try {
  gateway: Gateway;
  place: PlacedTarget;
  last: boolean;
}

function tryPlace(parts: DialParts, attempt: Attempt, { gateway, place, last }: Try): Promise<SipCallEnd> {
  const { leg, line, media, trunk, request, log } = attempt;
  const { timers } = parts;
  const { uri, from, to, assertedIdentity } = callAddresses(trunk, gateway, request);
  return new Promise((resolve) => {
    const call = line.agent.invite(
      {
        target: place,
        uri,
        from,
        to,
        ...credentialsOf(trunk),
        headers: [["P-Asserted-Identity", writeNameAddr(assertedIdentity)]],
        media,
        audio: { port: media.port, codecs: trunk.codecs, srtp: trunk.srtp },
        ringTimeoutMs: request.ringTimeoutSeconds * 1000,
        firstResponseTimeoutMs: last ? timers.lastResponseMs : timers.firstResponseMs,
      },
      leg.listen(resolve),
    );
    log.debug({ gateway: gatewayName(gateway), sipCallId: call.callId }, "INVITE");
    leg.attach(call);
  });
}

/** Another one may have the call. */
const isUntaken = (leg: AudioLeg, end: SipCallEnd): boolean =>
  !leg.over.aborted && !leg.rang && (end.why === "unreachable" || (end.why === "rejected" && end.status === 503 && !isDecided(end)));

/** A Q.850 cause tells of the person called, whatever status the gateway made of that. No route (2, 3, 5) and a broken line (27) are this gateway's. */
const isDecided = ({ q850 }: SipCallEnd): boolean => q850 !== null && OF_THE_CALLED.has(q850);

/** ITU-T Q.850: no such number, busy, no response, no answer, away, refused, moved, incomplete. */
const OF_THE_CALLED: ReadonlySet<number> = new Set([1, 4, 17, 18, 19, 20, 21, 22, 23, 24, 28]);

const unreachable = (detail: string): SipCallEnd => ({
  why: "unreachable",
  detail,
  answered: false,
  status: null,
  reason: null,
  q850: null,
});

interface Met {
  end: SipCallEnd;
  /** Another gateway may have it. */
  untaken: boolean;
  rang: boolean;
}

/** Calls tell of gateways, too. */
function note({ board, watch, timers }: DialParts, trunk: OpenTrunk, gateway: Gateway, { end, untaken, rang }: Met): void {
  if (untaken && end.why === "unreachable") watch.met(trunk, gateway, { state: "down", detail: end.detail });
  else if (untaken) board.rest(trunk.id, gateway, end.retryAfterSeconds === undefined ? timers.congestedMs : end.retryAfterSeconds * 1000);
  else if (end.status !== null || end.answered) watch.met(trunk, gateway, { state: "up", detail: "takes calls" });
  const outcome = legEnd(end, rang);
  if (end.status !== null && outcome.cause !== "canceled") watch.called(trunk, gateway, callVerdict(outcome));
}
