import { randomBytes } from "node:crypto";
import type { MediaQuality } from "../../../core/calls/call.ts";
import type { Log } from "../../../platform/log.ts";
import { type AudioFrame, FRAME_MS, FRAME_SAMPLES } from "../../carrier.ts";
import type { NegotiatedAudio } from "../sdp/negotiation.ts";
import type { MediaClock, Random } from "./clock.ts";
import { createDigitMerge } from "./createDigitMerge.ts";
import { createDigitSender, type DigitStep, PRESS_MS } from "./createDigitSender.ts";
import { KEYS } from "./createEventReceiver.ts";
import { createLatch } from "./createLatch.ts";
import type { Paced } from "./createPacer.ts";
import { createPlayQueue } from "./createPlayQueue.ts";
import { createReception } from "./createReception.ts";
import { createRtcpReports } from "./createRtcpReports.ts";
import { createRtpReceiver } from "./createRtpReceiver.ts";
import { createRtpSender, MAX_PACKET_SAMPLES } from "./createRtpSender.ts";
import { estimateMos } from "./estimateMos.ts";
import { G711 } from "./g711.ts";
import { keyTone } from "./keyTone.ts";
import type { MediaHandler, MediaSession } from "./media.ts";
import { createSrtpReceiver, createSrtpSender, type SrtpReceiver, type SrtpSender } from "./srtp.ts";

/** A socket, as far as a session needs it. `send` never throws, and holds the bytes until it calls `done`. */
export interface Wire {
  send(bytes: Buffer, address: string, port: number, done: (error: Error | null) => void): void;
}

export interface MediaSessionOptions {
  port: number;
  rtp: Wire;
  rtcp: Wire;
  clock: MediaClock;
  random: Random;
  log: Log;
  handler: MediaHandler;
  /** Told once, when the session is closed. */
  closed(): void;
  silentAfterMs: number;
}

/** A session with the ends that the engine holds. */
export interface DrivenSession {
  session: MediaSession;
  paced: Paced;
  /** `measured`: false while the engine catches up after it stood still. */
  receiveRtp(packet: Buffer, address: string, port: number, measured: boolean): void;
  receiveRtcp(packet: Buffer, address: string, port: number): void;
}

const SENT_RECENTLY_MS = 10_000;

/** For the report that is being written; what is sent is a copy. */
const rtcpBytes = Buffer.alloc(512);

export function createMediaSession(options: MediaSessionOptions): DrivenSession {
  const { clock, log, handler, random } = options;
  const said = new Int16Array(FRAME_SAMPLES);
  const heard = new Int16Array(FRAME_SAMPLES);
  const tone = new Int16Array(FRAME_SAMPLES);
  const frame: { -readonly [K in keyof AudioFrame]: AudioFrame[K] } = { timestampMs: 0, heard, said, concealed: false };
  const frameListeners = new Set<(frame: AudioFrame) => void>();
  const digitListeners = new Set<(digit: string) => void>();
  const queue = createPlayQueue();
  const keys = createDigitSender();
  const latch = createLatch();
  const reception = createReception();
  const merge = createDigitMerge((digit) => tell(digitListeners, digit));
  const receiver = createRtpReceiver({
    latch,
    reception,
    digit: (digit) => {
      if (started) merge.digit(digit, "rtp", clock.now());
    },
  });
  const sender = createRtpSender(random, (bytes, done) => {
    const target = latch.target();
    if (target) options.rtp.send(bytes, target.address, target.port, done);
    else done(null);
  });
  const reports = createRtcpReports({
    ssrc: () => sender.ssrc(),
    // RFC 7022 4.2: new with every call, so that nobody is followed by it.
    cname: randomBytes(12).toString("base64"),
    random,
    reception,
    heard: () => receiver.ssrc(),
  });

  let audio: NegotiatedAudio | undefined;
  let srtp: { from: NonNullable<NegotiatedAudio["srtp"]>; sender: SrtpSender; receiver: SrtpReceiver } | undefined;
  let rtcpTarget: { address: string; port: number } | null = null;
  let started = false;
  let waiting = false;
  let closed = false;
  let frames = 0;
  /** Of the frame that was said and is still to be heard. */
  let saidMs: number | undefined;
  let lastSentMs = Number.NEGATIVE_INFINITY;
  let lastHeardMs = 0;
  /** How long a silence was when it was told last. */
  let silenceToldMs = 0;

  const tell = <T>(listeners: Set<(value: T) => void>, value: T) => {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        // One call's listener must not stop the clock of all others.
        log.error({ err: error }, "a listener of a call's audio failed");
      }
    }
  };
  const sends = () => audio?.direction === "sendrecv" || audio?.direction === "sendonly";
  const receives = () => audio?.direction === "sendrecv" || audio?.direction === "recvonly";
  /** Whoever holds a call need not send anything, also where they may. */
  const held = () => audio?.direction !== "sendrecv";

  const useKeys = (agreed: NegotiatedAudio["srtp"]) => {
    if (!agreed) srtp = undefined;
    else if (
      !srtp ||
      srtp.from.suite !== agreed.suite ||
      !srtp.from.localKey.equals(agreed.localKey) ||
      !srtp.from.remoteKey.equals(agreed.remoteKey)
    ) {
      const same = (key: "localKey" | "remoteKey") => srtp?.from.suite === agreed.suite && srtp.from[key].equals(agreed[key]);
      // A key that stays keeps its counters: a packet index is never used twice with one key.
      srtp = {
        from: { ...agreed },
        sender: srtp && same("localKey") ? srtp.sender : createSrtpSender(agreed.suite, agreed.localKey),
        receiver: srtp && same("remoteKey") ? srtp.receiver : createSrtpReceiver(agreed.suite, agreed.remoteKey, srtp?.receiver),
      };
    }
  };

  const sendRtcp = (bye: boolean) => {
    if (!audio || !rtcpTarget || waiting) return;
    const now = clock.now();
    const sent = {
      packets: sender.packets(),
      octets: sender.octets(),
      timestamp: sender.timestamp(),
      recently: now - lastSentMs < SENT_RECENTLY_MS,
    };
    let length = reports.write(rtcpBytes, { ms: now, ntpMs: clock.wall() }, sent, bye);
    if (srtp) length = srtp.sender.protectRtcp(rtcpBytes, length);
    options.rtcp.send(Buffer.from(rtcpBytes.subarray(0, length)), rtcpTarget.address, rtcpTarget.port, () => {});
  };

  const sendKey = (step: Readonly<DigitStep>) => {
    const payloadType = audio?.sendEventPayloadType ?? null;
    if (payloadType !== null) {
      if (step.phase === "pause") return sender.sound(said);
      const duration = Math.min(step.frame + 1, PRESS_MS / FRAME_MS) * FRAME_SAMPLES;
      return sender.event(payloadType, step.event, duration, step.frame === 0, duration === (PRESS_MS / FRAME_MS) * FRAME_SAMPLES);
    }
    const key = KEYS[step.event] ?? "";
    if (session.sendInfo) {
      if (step.frame === 0) session.sendInfo(key, PRESS_MS);
      return sender.sound(said);
    }
    if (step.phase !== "pressed") return sender.sound(said);
    keyTone(key, step.frame * FRAME_SAMPLES, tone);
    sender.sound(tone);
  };

  const say = (missed: boolean, dueMs: number) => {
    said.fill(0);
    if (missed || waiting || !sends() || !latch.target()) return sender.nothing(1);
    lastSentMs = dueMs;
    const step = started ? keys.step() : undefined;
    if (step) return sendKey(step);
    if (started) queue.take(said);
    sender.sound(said);
  };

  const hear = (atMs: number) => {
    lastHeardMs = atMs;
    silenceToldMs = 0;
  };
  const watch = (dueMs: number) => {
    if (held()) return hear(dueMs);
    const silentMs = dueMs - lastHeardMs;
    if (silentMs < silenceToldMs + options.silentAfterMs) return;
    silenceToldMs += options.silentAfterMs;
    handler.silent?.(Math.round(silentMs));
  };

  const quality = (): MediaQuality | undefined => {
    if (!audio) return undefined;
    const lost = reception.lostTotal() + receiver.late();
    const lostShare = reception.expectedTotal() === 0 ? 0 : Math.min(1, lost / reception.expectedTotal());
    const round = (value: number | null, perUnit = 1) => (value === null ? null : Math.round((value / perUnit) * 10) / 10);
    return {
      codec: audio.codec,
      packets_sent: sender.packetsTotal(),
      packets_received: reception.received(),
      packets_lost: lost,
      jitter_ms: round(reception.meanJitter(), 8) ?? 0,
      remote_packets_lost: reports.remoteLost(),
      remote_jitter_ms: round(reports.remoteJitter(), 8),
      round_trip_ms: round(reports.roundTripMs()),
      mos: estimateMos({
        lostShare,
        burstRatio: receiver.meanBurst() * (1 - lostShare),
        delayMs: (reports.roundTripMs() ?? 0) / 2 + receiver.meanDelayMs(),
      }),
    };
  };

  const session: MediaSession = {
    kind: "audio",
    port: options.port,
    sendInfo: undefined,

    negotiated(agreed) {
      if (closed) return;
      const now = clock.now();
      const moved = agreed.remote?.address !== audio?.remote?.address || agreed.remote?.rtcpPort !== audio?.remote?.rtcpPort;
      if (held()) hear(now);
      audio = agreed;
      useKeys(agreed.srtp);
      latch.agreed(agreed.remote);
      if (moved) rtcpTarget = agreed.remote && { address: agreed.remote.address, port: agreed.remote.rtcpPort };
      receiver.expect(receives() ? agreed : undefined, srtp?.receiver);
      // The session's own frames are of 10 ms steps; what does not divide is rounded up to them.
      const packetSamples = Math.min(MAX_PACKET_SAMPLES, Math.max(80, Math.ceil(agreed.packetMs / 10) * 80)) || FRAME_SAMPLES;
      sender.format({ law: G711[agreed.codec], payloadType: agreed.payloadType, packetSamples, srtp: srtp?.sender });
    },

    waitForPeer() {
      waiting = true;
    },
    peerIsThere() {
      waiting = false;
    },
    start() {
      started = true;
      hear(clock.now());
    },
    digitByInfo(digit) {
      const key = digit.toUpperCase();
      if (started && !closed && key.length === 1 && KEYS.includes(key)) merge.digit(key, "info", clock.now());
    },

    onFrame: (listener) => listen(frameListeners, listener),
    onDigit: (listener) => listen(digitListeners, listener),
    play: queue.play,
    clear: queue.clear,
    drained: queue.drained,
    position: () => ({ playedSamples: queue.played(), waitingSamples: queue.waiting() }),
    // Throws at once, not as a rejection: what is not a key is a mistake of the caller.
    sendDigits: (digits) => keys.press(digits),

    close() {
      if (closed) return last;
      sendRtcp(true);
      last = quality();
      closed = true;
      frameListeners.clear();
      digitListeners.clear();
      keys.close();
      queue.close();
      log.debug(
        { port: options.port, quality: last, refused: receiver.refused, sendFailures: sender.failed() },
        "the audio of a call is over",
      );
      options.closed();
      return last;
    },
  };
  let last: MediaQuality | undefined;

  return {
    session,
    paced: {
      send(dueMs, missed, skipped) {
        if (closed || !audio) return;
        if (skipped > 0) {
          sender.nothing(skipped);
          if (started) frames += skipped;
        }
        say(missed, dueMs);
        saidMs = dueMs;
      },
      hear() {
        if (closed || saidMs === undefined) return;
        const dueMs = saidMs;
        saidMs = undefined;
        frame.concealed = receiver.take(dueMs, heard) === "concealed";
        if (started) {
          frame.timestampMs = frames++ * FRAME_MS;
          tell(frameListeners, frame);
        }
        if (closed) return;
        if (rtcpTarget && reports.due(dueMs)) sendRtcp(false);
        watch(dueMs);
      },
    },

    receiveRtp(packet, address, port, measured) {
      if (closed) return;
      const now = clock.now();
      if (!receiver.receive(packet, address, port, now, measured)) return;
      waiting = false;
      hear(now);
    },

    receiveRtcp(packet, address, port) {
      if (closed || !audio || (address !== latch.target()?.address && address !== rtcpTarget?.address)) return;
      const length = srtp ? srtp.receiver.unprotectRtcp(packet) : packet.length;
      const now = clock.now();
      if (length < 0 || !reports.receive(packet, length, now)) return;
      // Symmetric as well (RFC 4961): an address that knows the source that we hear.
      if (rtcpTarget) rtcpTarget = { address, port };
      hear(now);
    },
  };
}

function listen<T>(listeners: Set<(value: T) => void>, listener: (value: T) => void): () => void {
  const own = (value: T) => listener(value);
  listeners.add(own);
  return () => listeners.delete(own);
}
