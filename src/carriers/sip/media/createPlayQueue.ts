/** Samples that wait to be said. */
export interface PlayQueue {
  /** They are not copied. */
  play(samples: Int16Array): void;
  clear(): void;
  drained(): Promise<void>;
  /** Fills the frame, with zeros behind what there is. */
  take(into: Int16Array): void;
  /** Nothing is taken any more: everybody who waits is told. */
  close(): void;
  played(): number;
  waiting(): number;
}

export function createPlayQueue(): PlayQueue {
  let chunks: Int16Array[] = [];
  /** Samples of the first chunk that have been said. */
  let offset = 0;
  let played = 0;
  let waiting = 0;
  let closed = false;
  let waiters: Array<() => void> = [];

  const empty = () => {
    chunks = [];
    offset = waiting = 0;
    const told = waiters;
    waiters = [];
    for (const tell of told) tell();
  };

  return {
    play(samples) {
      if (closed || samples.length === 0) return;
      chunks.push(samples);
      waiting += samples.length;
    },
    clear: empty,
    drained: () => (closed || waiting === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
    take(into) {
      let at = 0;
      for (let chunk = chunks[0]; chunk && at < into.length; chunk = chunks[0]) {
        const count = Math.min(chunk.length - offset, into.length - at);
        for (let index = 0; index < count; index++) into[at + index] = chunk[offset + index] ?? 0;
        at += count;
        offset += count;
        if (offset === chunk.length) {
          chunks.shift();
          offset = 0;
        }
      }
      into.fill(0, at);
      played += at;
      waiting -= at;
      if (at > 0 && waiting === 0) empty();
    },
    close() {
      closed = true;
      empty();
    },
    played: () => played,
    waiting: () => waiting,
  };
}
