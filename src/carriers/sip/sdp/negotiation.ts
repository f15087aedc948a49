import type { Codec, SrtpPolicy } from "../../../core/trunks/trunk.ts";

/** Offer and answer (RFC 3264) of one audio stream. */

/** What we can do, and where we listen. */
export interface LocalAudio {
  /** IP address that goes into the SDP. */
  address: string;
  port: number;
  /** The first is preferred. */
  codecs: readonly Codec[];
  srtp: SrtpPolicy;
}

export type Direction = "sendrecv" | "sendonly" | "recvonly" | "inactive";

/** What both sides agreed on. */
export interface NegotiatedAudio {
  codec: Codec;
  /** RTP payload type of the codec, and of telephone-event (RFC 4733) in both directions; null when not agreed. */
  payloadType: number;
  sendEventPayloadType: number | null;
  receiveEventPayloadType: number | null;
  /** Where we send to; null while the other side holds with address 0.0.0.0. */
  remote: { address: string; port: number; rtcpPort: number } | null;
  /** As we have it: `recvonly` when they only send. */
  direction: Direction;
  /** Of what we send; 20 when nothing was said. */
  packetMs: number;
  srtp: NegotiatedSrtp | null;
}

/** SDES keys (RFC 4568), master key and salt in one: 30 bytes. */
export interface NegotiatedSrtp {
  suite: "AES_CM_128_HMAC_SHA1_80" | "AES_CM_128_HMAC_SHA1_32";
  localKey: Buffer;
  remoteKey: Buffer;
}

/**
 * The negotiation of one call, over all its offers and answers; the session's id stays, its version counts up with changes, and
 * payload types never change their meaning. One of these per early dialog of a forked call: `fork` copies it with the offer made.
 */
export interface Negotiation {
  /** Our offer. `direction` is sendrecv when not said. */
  offer(direction?: Direction): string;
  /** Their answer to our last offer. Throws SdpError. */
  accept(answer: string): NegotiatedAudio;
  /** Our answer to their offer. Throws SdpError; what had been agreed then still holds. */
  answer(offer: string): { sdp: string; audio: NegotiatedAudio };
  /** Our last offer was refused (491, 488, 500): what had been agreed still holds. */
  withdraw(): void;
  fork(): Negotiation;
}

/** `status`: what a SIP request with it is answered with: 400 unreadable, 488 nothing in common, SRTP required and not offered ... */
export class SdpError extends Error {
  readonly status: 400 | 488;
  constructor(status: 400 | 488, message: string) {
    super(message);
    this.status = status;
  }
}
