import type { MediaClock } from "./clock.ts";

/**
 * One timer for the frames of every session. Sessions are spread over five phases of the 20 ms, so that they do not all send
 * at once. Frame n of a phase is due at start + n * 20 ms whatever happened to the frames before it. Whoever is due sends before
 * anybody does what can wait, so that nobody is sent late for what the others do with their sound.
 */
export interface Pacer {
  /** Adds to the phase with the fewest; gives what takes it out again. The first frame is due within 20 ms. */
  add(paced: Paced): () => void;
  /** We stood still, and what came meanwhile is being read now. */
  behind(): boolean;
  /** Nothing is called any more. */
  stop(): void;
}

/** `send` and `hear` take turns, but for the first `hear`, which may come without. */
export interface Paced {
  /**
   * What must be in time. `dueMs`: when it should have been called. `missed`: that was so long ago that nothing is to be sent for it
   * any more. `skipped`: frames before this one that are not told at all, because everything stood still for very long.
   */
  send(dueMs: number, missed: boolean, skipped: number): void;
  /** The rest of the frame. */
  hear(): void;
}

const FRAME_MS = 20;
const PHASES = 5;
/** Wakes that are this little too early count as in time: timers know whole milliseconds only. */
const EARLY_MS = 0.5;
/** After standing still, so many frames are still sent. */
const CATCH_UP = 3;
/** And so many are told to listeners: 10 s. */
const TOLD = 500;
/** Phases heard before sockets get their turn again, and let go of what was sent. */
const AT_ONCE = 3 * PHASES;

interface Phase {
  dueMs: number;
  members: Set<Paced>;
  /** It has sent a frame of which the rest is still to be done. */
  sent: boolean;
}

/** `failed`: told what a frame threw; the others go on. */
export function createPacer(clock: MediaClock, failed: (error: unknown) => void): Pacer {
  const startMs = clock.now();
  const phases: Phase[] = Array.from({ length: PHASES }, (_, index) => ({
    dueMs: startMs + (index * FRAME_MS) / PHASES,
    members: new Set(),
    sent: false,
  }));
  const unheard: Phase[] = [];
  let cancel: (() => void) | undefined;
  let behind = false;

  const nextPhase = (): Phase | undefined => {
    let next: Phase | undefined;
    for (const phase of phases) if (phase.members.size > 0 && (!next || phase.dueMs < next.dueMs)) next = phase;
    return next;
  };

  const plan = () => {
    const next = nextPhase();
    cancel = next ? clock.after(Math.max(1, Math.round(next.dueMs - clock.now())), wake) : undefined;
  };

  const wake = () => {
    const next = nextPhase();
    // Late by a frame: what came meanwhile still waits in the sockets, and is read first.
    if (next && clock.now() - next.dueMs >= FRAME_MS) {
      behind = true;
      cancel = clock.soon(run);
    } else run();
  };

  /** Of a phase that is due, unless the rest of its last frame comes first. */
  const sendDue = () => {
    for (;;) {
      const phase = nextPhase();
      const now = clock.now();
      if (!phase || phase.sent || phase.dueMs > now + EARLY_MS) return;
      let missed = Math.floor((now - phase.dueMs) / FRAME_MS);
      const skipped = Math.max(0, missed - TOLD);
      phase.dueMs += skipped * FRAME_MS;
      missed -= skipped;
      const dueMs = phase.dueMs;
      phase.dueMs += FRAME_MS;
      phase.sent = true;
      unheard.push(phase);
      for (const paced of phase.members) {
        try {
          paced.send(dueMs, missed >= CATCH_UP, skipped);
        } catch (error) {
          failed(error);
        }
      }
    }
  };

  const run = () => {
    cancel = undefined;
    for (let count = 0; count < AT_ONCE; count++) {
      sendDue();
      const phase = unheard.shift();
      if (!phase) {
        behind = false;
        plan();
        return;
      }
      for (const paced of phase.members) {
        try {
          paced.hear();
        } catch (error) {
          failed(error);
        }
        sendDue();
      }
      phase.sent = false;
    }
    cancel = clock.soon(run);
  };

  return {
    add(paced) {
      const now = clock.now();
      const phase = phases.reduce((least, one) => (one.members.size < least.members.size ? one : least));
      if (phase.members.size === 0 && phase.dueMs <= now) phase.dueMs += Math.ceil((now - phase.dueMs) / FRAME_MS) * FRAME_MS;
      phase.members.add(paced);
      cancel?.();
      plan();
      return () => {
        phase.members.delete(paced);
        if (!nextPhase()) {
          cancel?.();
          cancel = undefined;
        }
      };
    },
    behind: () => behind,
    stop() {
      for (const phase of phases) phase.members.clear();
      cancel?.();
      cancel = undefined;
    },
  };
}
