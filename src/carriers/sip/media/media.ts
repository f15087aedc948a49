import type { MediaQuality } from "../../../core/calls/call.ts";
import type { AudioMedia } from "../../carrier.ts";
import type { NegotiatedAudio } from "../sdp/negotiation.ts";

/**
 * RTP for many calls on one clock: one timer drives the 20 ms frames of every session. What there is once per call has methods
 * and no accessors: V8 keeps an object literal with a `get` as a dictionary, larger, and slow in every frame.
 */
export interface MediaEngine {
  /** Binds a pair of ports of the range, RTP and RTCP. Throws NoFreePort when there is none. */
  open(handler: MediaHandler): Promise<MediaSession>;
  /** Sessions that are open. */
  readonly size: number;
  /** Ends every session. */
  close(): Promise<void>;
}

export interface MediaHandler {
  /**
   * No packet at all has come for this long although nobody holds the call; told every 15 s (`silentAfterMs` of the engine) while
   * it lasts, counted anew from `start` and from the end of a hold.
   */
  silent?(ms: number): void;
}

export interface MediaSession extends AudioMedia {
  readonly port: number;
  /**
   * Sends and receives as agreed, now and after each re-negotiation (hold, another address, codec or key). Before the first,
   * nothing is sent. `remote` is where we send to until packets come from somewhere else (symmetric RTP, latching once per
   * negotiation, to addresses that prove the SSRC's flow).
   */
  negotiated(audio: NegotiatedAudio): void;
  /**
   * Nothing is sent, and what is to be said waits, until `peerIsThere` or the first packet that comes from the other side: an offer
   * may name somebody's address who knows nothing of it.
   */
  waitForPeer(): void;
  peerIsThere(): void;
  /** The call is answered: frames, positions and time stamps count from now. Until then what comes is heard by nobody. */
  start(): void;
  /** A key that came by SIP INFO: told like one from RFC 4733, and not twice when both bring the same one. */
  digitByInfo(digit: string): void;
  /** Keys that go by SIP INFO, when telephone-event was not agreed. */
  sendInfo: ((digit: string, durationMs: number) => void) | undefined;
  /** Closes the ports, once; sends RTCP BYE. What the session met until now. */
  close(): MediaQuality | undefined;
}

/** Every port of RTP_PORTS is taken. */
export class NoFreePort extends Error {}
