/** Time of the media: injected, so that tests decide when it passes. */
export interface MediaClock {
  /** Monotonic milliseconds with fractions. */
  now(): number;
  /** Milliseconds since 1970, for RTCP. */
  wall(): number;
  /** Calls back after that long; gives what cancels it. */
  after(ms: number, callback: () => void): () => void;
  /** Calls back once what has arrived meanwhile has been read. */
  soon(callback: () => void): () => void;
}

/** From 0 to below 1. */
export type Random = () => number;

export const systemClock: MediaClock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  soon(callback) {
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
};
