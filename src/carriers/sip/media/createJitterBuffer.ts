import { createConcealment, STEP } from "./createConcealment.ts";
import { createLateness, MAX_TARGET } from "./createLateness.ts";

/**
 * Puts packets of G.711 in order and hands out 20 ms at a time, late enough that most packets have come. Samples are kept by
 * timestamp, so a packet may have any length. Times are in milliseconds of one clock, kept in samples within.
 *
 * Delay grows at once when a packet comes after its time and nothing newer was played (play goes back to it), else by frames
 * put in between; it shrinks by frames dropped in silence, or after five seconds in speech when it is far too long. A pause of the sender
 * (timestamps go on, sequence numbers do not) is silence, not loss, and the delay is set anew after it.
 */
export interface JitterBuffer {
  /** `measured`: false when we were asleep and cannot say when it came. */
  put(sequence: number, timestamp: number, samples: Int16Array, length: number, arrivedMs: number, measured: boolean): Put;
  /** A packet of the stream without sound (RFC 4733 event, comfort noise): what it stands for is silence. */
  skip(sequence: number): void;
  /** The next 160 samples, for the moment `dueMs`. */
  take(dueMs: number, into: Int16Array): Heard;
  /** The stream begins anew: another source, or after a hold. */
  restart(): void;
  delayMs(): number;
  targetMs(): number;
  late(): number;
  /** Frames with something concealed, and runs of them; frames that were put in or dropped for the delay. */
  concealedFrames(): number;
  concealedRuns(): number;
  stretched(): number;
  dropped(): number;
}

export type Put = "taken" | "duplicate" | "late" | "strange";
export type Heard = "voice" | "silence" | "concealed";

const FRAME = 160;
const PER_MS = 8;
const CAPACITY = 16_384;
const MASK = CAPACITY - 1;
/** What has been played is kept for so long, to go back to and to know duplicates by. */
const PAST = 4_096;
const AHEAD = CAPACITY - PAST - 2_048;
/** No G.711 code means this sample. */
const EMPTY = -32_768;
/** A transit so different is another time scale. */
const STRANGE = 1_000 * PER_MS;
/** More delay than this is cut at once; in the first second of a stream, whose first packet may have been a late one, so much too much. */
const FAR_TOO_MUCH = MAX_TARGET + 200 * PER_MS;
const TOO_MUCH_AT_FIRST = 80 * PER_MS;
const FIRST_FRAMES = 50;
/** So many packets in a row that are strange or late mean that the sender's time scale has changed. */
const BELIEVED = 3;
/** A shorter delay is worth a dropped frame from 40 ms on, and one in the middle of speech from 60 ms on. */
const SHRINK_EXCESS = 2 * FRAME;
/** From 100 ms on, it shrinks ten times as fast. */
const SHRINK_HURRY = 5 * FRAME;
const SHRINK_HURRIED = 10;
const SHRINK_AFTER = 50;
const SHRINK_ANYWAY_AFTER = 250;
const STRETCH_EVERY = 5;
/** Mean magnitude below which a frame is taken as silent: about -50 dBm0. */
const QUIET = 60;

export function createJitterBuffer(): JitterBuffer {
  const ring = new Int16Array(CAPACITY).fill(EMPTY);
  const concealment = createConcealment();
  const lateness = createLateness();
  let active = false;
  /** Timestamps without wrap. `next` is played next, `end` is behind the newest sample. */
  let next = 0;
  let end = 0;
  let lastSequence = 0;
  /** Behind the packet of that sequence number, played or not. */
  let lastEnd = 0;
  /** The next frame played begins with this packet, as late as the target says. */
  let startAt: number | undefined;
  let strange = 0;
  let lateInARow = 0;
  let delay = 0;
  let tooLong = 0;
  let sinceBegin = 0;
  let sinceStretch = 0;
  let wasConcealed = false;
  let late = 0;
  let concealedFrames = 0;
  let concealedRuns = 0;
  let stretched = 0;
  let dropped = 0;

  const write = (from: number, samples: Int16Array, length: number) => {
    for (let index = 0; index < length; index++) ring[(from + index) & MASK] = samples[index] ?? 0;
    end = Math.max(end, from + length);
  };
  const fill = (from: number, to: number, value: number) => {
    for (let at = from; at < to; at++) ring[at & MASK] = value;
  };
  const fillSilence = (from: number, to: number) => {
    for (let at = from; at < to; at++) if (ring[at & MASK] === EMPTY) ring[at & MASK] = 0;
  };
  const has = (at: number) => ring[at & MASK] !== EMPTY;
  const hasFrame = (from: number) => {
    for (let at = from; at < from + FRAME; at++) if (!has(at)) return false;
    return true;
  };
  const quiet = (from: number) => {
    let sum = 0;
    for (let at = from; at < from + FRAME; at++) {
      const sample = ring[at & MASK] ?? 0;
      if (sample !== EMPTY) sum += Math.abs(sample);
      if (sum >= QUIET * FRAME) return false;
    }
    return true;
  };
  /** Makes room behind what is played; what is ahead shares the ring with it. */
  const advance = (samples: number) => {
    fill(next - PAST, next - PAST + samples, EMPTY);
    next += samples;
  };
  /** What comes at `at` is the first that is played, whenever that is. */
  const begin = (at: number, length: number) => {
    ring.fill(EMPTY);
    active = true;
    next = end = at;
    lastEnd = at + length;
    startAt = at;
    strange = lateInARow = tooLong = sinceBegin = 0;
  };

  const takeStep = (into: Int16Array, at: number): Heard => {
    for (let index = 0; index < STEP; index++) {
      const sample = ring[(next + index) & MASK] ?? EMPTY;
      if (sample === EMPTY) return concealment.lost(into, at) || end > next ? "concealed" : "silence";
      into[at + index] = sample;
    }
    concealment.good(into, at);
    return "voice";
  };
  const note = (one: Heard, other: Heard): Heard => {
    const heard = one === "concealed" || other === "concealed" ? "concealed" : one === "voice" || other === "voice" ? "voice" : "silence";
    if (heard === "concealed") {
      concealedFrames++;
      if (!wasConcealed) concealedRuns++;
    }
    wasConcealed = heard === "concealed";
    return heard;
  };

  /** Plays two frames in the time of one, blended. */
  const drop = (into: Int16Array): Heard => {
    for (let index = 0; index < FRAME; index++) {
      const weight = Math.min(1, (index + 1) / (STEP + 1));
      into[index] = (ring[(next + index) & MASK] ?? 0) * (1 - weight) + (ring[(next + FRAME + index) & MASK] ?? 0) * weight;
    }
    concealment.good(into, 0);
    concealment.good(into, STEP);
    advance(2 * FRAME);
    dropped++;
    tooLong = 0;
    return note("voice", "voice");
  };

  const align = (due: number) => {
    if (startAt === undefined) return;
    const wanted = due - lateness.base() - lateness.target();
    const early = Math.max(0, Math.ceil((startAt - wanted) / FRAME));
    next = startAt - Math.min(early * FRAME, 2 * MAX_TARGET);
    fillSilence(next, startAt);
    startAt = undefined;
    tooLong = 0;
  };

  return {
    put(sequence, timestamp, samples, length, arrivedMs, measured) {
      const arrival = arrivedMs * PER_MS;
      if (!active) {
        // Far from zero, so that nothing before it is negative.
        begin(timestamp + 2 ** 32, length);
        lateness.restart(arrival - next, arrival);
        lastSequence = sequence;
        write(next, samples, length);
        return "taken";
      }
      const at = end + ((timestamp - end) | 0);
      const transit = arrival - at;
      const ahead = ((sequence - lastSequence) << 16) >> 16;
      if (Math.abs(transit - lateness.base()) > STRANGE || at + length > (startAt ?? next) + AHEAD) {
        strange++;
        if (strange < BELIEVED && ahead !== 1) return "strange";
        begin(at, length);
        lateness.restart(transit, arrival);
        lastSequence = sequence;
        write(at, samples, length);
        return "taken";
      }
      strange = 0;
      if (at >= next - PAST && has(at) && (at < end || ahead <= 0)) return "duplicate";
      const paused = ahead === 1 && at > lastEnd;
      if (ahead > 0) {
        lastSequence = sequence;
        lastEnd = at + length;
      }
      if (measured) lateness.measure(transit, arrival);

      if (startAt !== undefined) {
        if (at < startAt) startAt = next = at;
      } else if (paused) {
        if (next < end) fillSilence(end, at);
        else {
          begin(at, length);
          // No network is so late: their timestamps stood still for a part of the pause.
          if (transit - lateness.base() > MAX_TARGET) lateness.restart(transit, arrival);
        }
      } else if (at + length <= next || (at < next && end <= next)) {
        const missed = next - at;
        if (end <= next && delay + missed <= MAX_TARGET && missed < PAST) next = at;
        else if (at + length <= next) {
          late++;
          if (end > next || ++lateInARow < BELIEVED) return "late";
          begin(at, length);
          lateness.restart(transit, arrival);
        }
      }
      lateInARow = 0;
      write(at, samples, length);
      return "taken";
    },

    skip(sequence) {
      if (active && ((sequence - lastSequence) << 16) >> 16 > 0) lastSequence = sequence;
    },

    take(dueMs, into) {
      if (!active) {
        concealment.lost(into, 0);
        concealment.lost(into, STEP);
        wasConcealed = false;
        return "silence";
      }
      const due = dueMs * PER_MS;
      align(due);
      delay = due - next - lateness.base();
      sinceBegin++;
      const tooMuch = sinceBegin < FIRST_FRAMES ? lateness.target() + TOO_MUCH_AT_FIRST : FAR_TOO_MUCH;
      if (delay > tooMuch && end > next) {
        const surplus = Math.floor((delay - lateness.target()) / FRAME) * FRAME;
        for (let cut = 0; cut < surplus; cut += FRAME) advance(FRAME);
        dropped += surplus / FRAME;
        delay -= surplus;
      }

      sinceStretch++;
      if (lateness.target() - delay >= FRAME && end > next && (sinceStretch > STRETCH_EVERY || quiet(next))) {
        sinceStretch = 0;
        stretched++;
        tooLong = 0;
        const one = concealment.lost(into, 0) ? "concealed" : "voice";
        return note(one, concealment.lost(into, STEP) ? "concealed" : one);
      }

      const excess = delay - lateness.target();
      tooLong = excess >= SHRINK_EXCESS ? tooLong + 1 : 0;
      const hurry = excess >= SHRINK_HURRY ? SHRINK_HURRIED : 1;
      if (tooLong * hurry > SHRINK_AFTER) {
        const anyway = tooLong * hurry > SHRINK_ANYWAY_AFTER && excess >= SHRINK_EXCESS + FRAME;
        if ((anyway || quiet(next)) && hasFrame(next) && hasFrame(next + FRAME)) return drop(into);
      }

      const one = takeStep(into, 0);
      advance(STEP);
      const other = takeStep(into, STEP);
      advance(STEP);
      return note(one, other);
    },

    restart() {
      active = false;
    },
    delayMs: () => (active ? Math.max(0, delay / PER_MS) : 0),
    targetMs: () => lateness.target() / PER_MS,
    late: () => late,
    concealedFrames: () => concealedFrames,
    concealedRuns: () => concealedRuns,
    stretched: () => stretched,
    dropped: () => dropped,
  };
}
