import type { Codec } from "../../../core/trunks/trunk.ts";
import { both, mirrored } from "./direction.ts";
import { type Direction, type LocalAudio, type NegotiatedSrtp, SdpError } from "./negotiation.ts";
import type { MediaLine } from "./parseSdp.ts";
import { parseSdes, type SdesKey } from "./sdes.ts";

/** What their media lines mean for us. */

export const staticTypes: ReadonlyMap<number, string> = new Map([
  [0, "PCMU/8000"],
  [8, "PCMA/8000"],
]);
export const eventEncoding = "TELEPHONE-EVENT/8000";
/** Of a packet, when nothing is said. */
export const usualPacketMs = 20;

const protocols: ReadonlyMap<string, { secure: boolean }> = new Map([
  ["RTP/AVP", { secure: false }],
  ["RTP/AVPF", { secure: false }],
  ["RTP/SAVP", { secure: true }],
  ["RTP/SAVPF", { secure: true }],
]);

export type Chosen = readonly [codec: Codec, payloadType: number];

/** Which of the offered media we take: the one we have already before others, with keys before without where we may use them. */
export function choose(media: readonly MediaLine[], local: LocalAudio, present: number) {
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
export function chooseCodec(line: MediaLine, codecs: readonly Codec[], fits: (chosen: Chosen) => boolean): Chosen | undefined {
  for (const type of payloadTypes(line)) {
    const encoding = line.encodings.get(type) ?? staticTypes.get(type);
    const codec = codecs.find((one) => encoding === `${one}/8000`);
    if (codec && fits([codec, type])) return [codec, type];
  }
  return undefined;
}

export const eventTypeOf = (line: MediaLine): number | null =>
  payloadTypes(line).find((type) => line.encodings.get(type) === eventEncoding) ?? null;

export const payloadTypes = (line: MediaLine): number[] =>
  line.formats.filter((format) => /^\d{1,3}$/.test(format) && Number(format) < 128).map(Number);

/** What their line says of where, how long and in which codec we send. */
export function audioTerms(line: MediaLine, [codec, payloadType]: Chosen) {
  const { address, port } = line;
  if (address === null) throw new SdpError(400, "no connection line for the audio");
  // RTCP is on the next port unless said otherwise (RFC 3550 11, RFC 3605).
  const rtcpPort = line.rtcpPort ?? Math.min(port + 1, 65535);
  return { codec, payloadType, remote: isNowhere(address) ? null : { address, port, rtcpPort }, packetMs: packetMsOf(line) };
}

/** Hold as RFC 2543 had it (RFC 3264 8.4). */
const isNowhere = (address: string): boolean => address === "0.0.0.0" || address === "::";

/** What they want, as we have it. */
export const theirWish = (line: MediaLine): Direction =>
  line.address !== null && isNowhere(line.address) ? both(mirrored(line.direction), "recvonly") : mirrored(line.direction);

/** Packets of 10 to 60 ms in steps of 10, at most what they can take. */
function packetMsOf({ ptime, maxptime }: MediaLine): number {
  const wanted = ptime !== null && ptime >= 10 && ptime <= 60 && ptime % 10 === 0 ? ptime : usualPacketMs;
  return maxptime === null || maxptime < 10 ? wanted : Math.min(wanted, Math.floor(maxptime / 10) * 10);
}

/** The key of an answer: one of the offered lines, by tag and suite (RFC 4568 5.1.3). */
export function acceptKeys(line: MediaLine, offered: readonly SdesKey[], required: boolean): NegotiatedSrtp | null {
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
