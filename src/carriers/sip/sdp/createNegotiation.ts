import { randomBytes, randomInt } from "node:crypto";
import { isIPv6 } from "node:net";
import type { Codec } from "../../../core/trunks/trunk.ts";
import { both } from "./direction.ts";
import { type Direction, type LocalAudio, type NegotiatedAudio, type NegotiatedSrtp, type Negotiation, SdpError } from "./negotiation.ts";
import { type MediaLine, parseSdp } from "./parseSdp.ts";
import {
  acceptKeys,
  audioTerms,
  choose,
  chooseCodec,
  eventEncoding,
  eventTypeOf,
  payloadTypes,
  staticTypes,
  theirWish,
  usualPacketMs,
} from "./readAudio.ts";
import { keyBytes, type Suite, suites } from "./sdes.ts";
import { type OurAudio, type Refused, writeAudio } from "./writeAudio.ts";

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

const usualEventType = 101;

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
    const body = writeAudio(local, audio, lines);
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
        ...audioTerms(line, chosen),
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
        ...audioTerms(line, codec),
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
