import { randomBytes, randomInt } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Codec } from "../../../core/trunks/trunk.ts";
import { both, mirrored } from "./direction.ts";
import { type Direction, type LocalAudio, type NegotiatedAudio, type NegotiatedSrtp, type Negotiation, SdpError } from "./negotiation.ts";
import { type MediaLine, parseSdp } from "./parseSdp.ts";
import { keyBytes, parseSdes, type SdesKey, type Suite, suites, writeSdes } from "./sdes.ts";

/** A media line that is not our audio: refused, but its place is kept in every later description (RFC 3264 8). */
interface Refused {
  readonly type: string;
  readonly protocol: string;
  readonly formats: readonly string[];
}

/** What our side of a description says of the audio. */
interface OurAudio {
  readonly protocol: string;
  readonly codecs: ReadonlyArray<readonly [codec: Codec, payloadType: number]>;
  readonly events: number | null;
  readonly direction: Direction;
  readonly packetMs: number;
  readonly crypto: readonly SdesKey[];
}

/** Copied whole by `fork`, replaced whole by every step, so that a step which throws leaves all as it was. */
interface State {
  readonly keys: ReadonlyMap<Suite, Buffer>;
  /** Refused lines, and null where the audio is. */
  readonly lines: ReadonlyArray<Refused | null>;
  /** What payload types have meant until now: that never changes within a session (RFC 3264 8.3.2). */
  readonly encodings: ReadonlyMap<number, string>;
  readonly protocol: string;
  /** What we want, held or not; of our last offer that was accepted. */
  readonly wanted: Direction;
  readonly packetMs: number;
  readonly events: number | null;
  readonly agreed: NegotiatedAudio | null;
  readonly offered: OurAudio | null;
}

const staticTypes: ReadonlyMap<number, string> = new Map([
  [0, "PCMU/8000"],
  [8, "PCMA/8000"],
]);
const eventEncoding = "TELEPHONE-EVENT/8000";
const usualEventType = 101;
const usualPacketMs = 20;

/** Offer and answer of one audio stream over its life (RFC 3264), its keys (RFC 4568) and telephone-event (RFC 4733). */
export function createNegotiation(local: LocalAudio): Negotiation {
  return from(local, {
    id: randomInt(1_000_000_000, 2 ** 47),
    version: 1,
    sent: null,
    state: {
      keys: newKeys(),
      lines: [null],
      encodings: new Map(),
      protocol: local.srtp === "require" ? "RTP/SAVP" : "RTP/AVP",
      wanted: "sendrecv",
      packetMs: usualPacketMs,
      events: null,
      agreed: null,
      offered: null,
    },
  });
}

const newKeys = (): ReadonlyMap<Suite, Buffer> => new Map(suites.map((suite) => [suite, randomBytes(keyBytes)]));

interface Session {
  readonly id: number;
  readonly version: number;
  /** Our last description without its o= line. */
  readonly sent: string | null;
  readonly state: State;
}

function from(local: LocalAudio, session: Session): Negotiation {
  let { version, sent, state } = session;

  /** The version counts up when anything else has changed (RFC 3264 8). */
  function describe(audio: OurAudio, lines: State["lines"]): string {
    const body = writeBody(local, audio, lines);
    if (sent !== null && sent !== body) version++;
    sent = body;
    const address = `IN ${isIPv6(local.address) ? "IP6" : "IP4"} ${local.address}`;
    return `v=0\r\no=- ${session.id} ${version} ${address}\r\ns=-\r\nc=${address}\r\nt=0 0\r\n${body}`;
  }

  return {
    offer: (direction = "sendrecv") => {
      const events = eventTypeFor(state);
      const audio: OurAudio = {
        protocol: state.protocol,
        codecs: local.codecs.map((codec) => [codec, typeOf(codec, state.encodings)]),
        events,
        direction,
        packetMs: state.packetMs,
        crypto: local.srtp === "off" ? [] : suites.map((suite, at) => ({ tag: String(at + 1), suite, key: keyOf(state.keys, suite) })),
      };
      state = { ...state, offered: audio };
      return describe(audio, state.lines);
    },

    accept: (answer) => {
      const { offered } = state;
      if (!offered) throw new SdpError(400, "an answer without an offer");
      const line = parseSdp(answer)[state.lines.indexOf(null)];
      if (line?.type !== "audio" || line.port === 0) throw new SdpError(488, "the other side refused the audio stream");
      const chosen = chooseCodec(line, local.codecs, ([codec, type]) =>
        offered.codecs.some(([ours, its]) => ours === codec && its === type),
      );
      if (!chosen) throw new SdpError(488, `the answer has none of our codecs (${local.codecs.join(", ")})`);
      const audio: NegotiatedAudio = {
        ...common(line, chosen),
        sendEventPayloadType: eventTypeOf(line),
        receiveEventPayloadType: eventTypeOf(line) === null ? null : offered.events,
        direction: both(offered.direction, theirWish(line)),
        srtp: acceptKeys(line, offered.crypto, local.srtp === "require"),
      };
      state = {
        ...state,
        encodings: meanings(state.encodings, offered, line),
        wanted: offered.direction,
        packetMs: audio.packetMs,
        events: audio.receiveEventPayloadType ?? state.events,
        agreed: audio,
      };
      return audio;
    },

    answer: (offer) => {
      const media = parseSdp(offer);
      const { at, line, codec, key } = choose(media, local, state.lines.indexOf(null));
      // Another key of theirs may be another device, which would not know how far ours has counted: it gets a new one.
      const changed = key && state.agreed?.srtp && !state.agreed.srtp.remoteKey.equals(key.key);
      const keys = changed ? newKeys() : state.keys;
      const events = eventTypeOf(line);
      const direction = both(state.wanted, theirWish(line));
      const srtp: NegotiatedSrtp | null = key && { suite: key.suite, localKey: keyOf(keys, key.suite), remoteKey: key.key };
      const audio: NegotiatedAudio = {
        ...common(line, codec),
        sendEventPayloadType: events,
        receiveEventPayloadType: events,
        direction,
        srtp,
      };
      const ours: OurAudio = {
        protocol: line.protocol,
        codecs: [codec],
        events,
        direction,
        packetMs: audio.packetMs,
        crypto: srtp && key ? [{ tag: key.tag, suite: key.suite, key: srtp.localKey }] : [],
      };
      const lines = media.map(({ type, protocol, formats }, i) => (i === at ? null : { type, protocol, formats }));
      state = {
        ...state,
        keys,
        lines,
        encodings: meanings(state.encodings, null, line),
        protocol: line.protocol,
        packetMs: audio.packetMs,
        events: events ?? state.events,
        agreed: audio,
        offered: null,
      };
      return { sdp: describe(ours, lines), audio };
    },

    withdraw: () => {
      state = { ...state, offered: null };
    },

    fork: () => from(local, { id: session.id, version, sent, state }),
  };
}

const protocols: ReadonlyMap<string, { secure: boolean }> = new Map([
  ["RTP/AVP", { secure: false }],
  ["RTP/AVPF", { secure: false }],
  ["RTP/SAVP", { secure: true }],
  ["RTP/SAVPF", { secure: true }],
]);

type Chosen = readonly [codec: Codec, payloadType: number];

/** Which of the offered media we take: the one we have already before others, with keys before without where we may use them. */
function choose(media: readonly MediaLine[], local: LocalAudio, present: number) {
  let wrong = "no audio stream is offered";
  const possible = [];
  for (const [at, line] of media.entries()) {
    const protocol = protocols.get(line.protocol);
    if (line.type !== "audio" || line.port === 0) continue;
    if (!protocol) {
      wrong = `audio is offered over ${line.protocol} only`;
      continue;
    }
    const codec = chooseCodec(line, local.codecs, () => true);
    const key = local.srtp === "off" ? null : (line.crypto.map(parseSdes).find((one) => one !== null) ?? null);
    if (!codec) wrong = `none of our codecs (${local.codecs.join(", ")}) is offered`;
    else if (protocol.secure && !key)
      wrong = local.srtp === "off" ? "SRTP is offered only, and is off here" : "SRTP is offered with no key that we can use";
    else if (local.srtp === "require" && !key) wrong = "SRTP is required here, and no key is offered";
    else possible.push({ at, line, codec, key });
  }
  const best =
    possible.find(({ at, key }) => at === present && key) ?? possible.find(({ key }) => key) ?? possible.find(({ at }) => at === present);
  const taken = best ?? possible[0];
  if (!taken) throw new SdpError(488, wrong);
  return taken;
}

/** Their first that we have. */
function chooseCodec(line: MediaLine, codecs: readonly Codec[], fits: (chosen: Chosen) => boolean): Chosen | undefined {
  for (const type of payloadTypes(line)) {
    const encoding = line.encodings.get(type) ?? staticTypes.get(type);
    const codec = codecs.find((one) => encoding === `${one}/8000`);
    if (codec && fits([codec, type])) return [codec, type];
  }
  return undefined;
}

const eventTypeOf = (line: MediaLine): number | null =>
  payloadTypes(line).find((type) => line.encodings.get(type) === eventEncoding) ?? null;

const payloadTypes = (line: MediaLine): number[] =>
  line.formats.filter((format) => /^\d{1,3}$/.test(format) && Number(format) < 128).map(Number);

function common(line: MediaLine, [codec, payloadType]: Chosen) {
  const { address, port } = line;
  if (address === null) throw new SdpError(400, "no connection line for the audio");
  // RTCP is on the next port unless said otherwise (RFC 3550 11, RFC 3605).
  const rtcpPort = line.rtcpPort ?? Math.min(port + 1, 65535);
  return { codec, payloadType, remote: isNowhere(address) ? null : { address, port, rtcpPort }, packetMs: packetMsOf(line) };
}

/** Hold as RFC 2543 had it (RFC 3264 8.4). */
const isNowhere = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** What they want, as we have it. */
const theirWish = (line: MediaLine): Direction =>
  line.address !== null && isNowhere(line.address) ? both(mirrored(line.direction), "recvonly") : mirrored(line.direction);

/** Packets of 10 to 60 ms in steps of 10, at most what they can take. */
function packetMsOf({ ptime, maxptime }: MediaLine): number {
  const wanted = ptime !== null && ptime >= 10 && ptime <= 60 && ptime % 10 === 0 ? ptime : usualPacketMs;
  return maxptime === null || maxptime < 10 ? wanted : Math.min(wanted, Math.floor(maxptime / 10) * 10);
}

/** The key of an answer: one of the offered lines, by tag and suite (RFC 4568 5.1.3). */
function acceptKeys(line: MediaLine, offered: readonly SdesKey[], required: boolean): NegotiatedSrtp | null {
  if (offered.length > 0 && line.crypto.length > 0) {
    const theirs = line.crypto.map(parseSdes).find((one) => one !== null);
    const ours = offered.find(({ tag, suite }) => tag === theirs?.tag && suite === theirs.suite);
    if (!theirs || !ours) throw new SdpError(488, "the key in the answer belongs to none that we offered");
    return { suite: ours.suite, localKey: ours.key, remoteKey: theirs.key };
  }
  if (required) throw new SdpError(488, "SRTP is required here, and the answer has no key");
  if (protocols.get(line.protocol)?.secure) throw new SdpError(488, "the answer wants SRTP, and has no key for it");
  return null;
}

function keyOf(keys: ReadonlyMap<Suite, Buffer>, suite: Suite): Buffer {
  const key = keys.get(suite);
  if (!key) throw new Error(`no key for ${suite}`);
  return key;
}

function typeOf(codec: Codec, encodings: ReadonlyMap<number, string>): number {
  for (const [type, encoding] of encodings) if (encoding === `${codec}/8000`) return type;
  return codec === "PCMA" ? 8 : 0;
}

/** The one agreed on; else the usual one, or a dynamic one that never meant anything else. */
function eventTypeFor({ events, encodings }: State): number {
  for (const type of [events, usualEventType]) if (type !== null && (encodings.get(type) ?? eventEncoding) === eventEncoding) return type;
  for (let type = 96; type < 128; type++) if (!encodings.has(type)) return type;
  return usualEventType;
}

function meanings(before: ReadonlyMap<number, string>, ours: OurAudio | null, theirs: MediaLine): ReadonlyMap<number, string> {
  const all = new Map(before);
  for (const [codec, type] of ours?.codecs ?? []) all.set(type, `${codec}/8000`);
  if (ours?.events) all.set(ours.events, eventEncoding);
  for (const type of payloadTypes(theirs)) {
    const encoding = theirs.encodings.get(type) ?? staticTypes.get(type);
    if (encoding !== undefined) all.set(type, encoding);
  }
  return all;
}

function writeBody(local: LocalAudio, audio: OurAudio, lines: State["lines"]): string {
  let out = "";
  for (const line of lines) {
    if (line) {
      out += `m=${line.type} 0 ${line.protocol} ${line.formats.join(" ")}\r\n`;
      continue;
    }
    const types = [...audio.codecs.map(([, type]) => type), ...(audio.events === null ? [] : [audio.events])];
    out += `m=audio ${local.port} ${audio.protocol} ${types.join(" ")}\r\n`;
    for (const [codec, type] of audio.codecs) out += `a=rtpmap:${type} ${codec}/8000\r\n`;
    if (audio.events !== null) out += `a=rtpmap:${audio.events} telephone-event/8000\r\na=fmtp:${audio.events} 0-16\r\n`;
    for (const key of audio.crypto) out += `a=crypto:${writeSdes(key)}\r\n`;
    out += `a=ptime:${audio.packetMs}\r\na=${audio.direction}\r\n`;
  }
  return out;
}
