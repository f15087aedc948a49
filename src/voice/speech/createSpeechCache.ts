import type { Speech, SpeechLine } from "./speech.ts";

const MOST_BYTES = 32 * 1024 * 1024;
/** A line that would take more of the room than this is not kept. */
const MOST_SHARE = 1 / 8;

interface Entry {
  pieces: Int16Array[];
  bytes: number;
  state: "speaking" | "done" | "failed";
  error: unknown;
  readers: number;
  abandon: AbortController;
  /** Told of every change, and replaced with it. */
  changed: PromiseWithResolvers<void>;
}

/**
 * Keeps lines that were spoken, the latest ones used, up to so many bytes. Whoever asks for a line that is being spoken shares
 * it from its beginning; it is given up when nobody listens any more. The samples given out are shared: do not change them.
 */
export function createSpeechCache(speech: Speech, { mostBytes = MOST_BYTES } = {}): Speech {
  const entries = new Map<string, Entry>();
  let keptBytes = 0;

  const forget = (key: string, entry: Entry) => {
    if (entries.get(key) !== entry) return;
    entries.delete(key);
    if (entry.state === "done") keptBytes -= entry.bytes;
  };

  const keep = (key: string, entry: Entry) => {
    if (entries.get(key) !== entry) return;
    if (entry.bytes > mostBytes * MOST_SHARE) return forget(key, entry);
    entry.state = "done";
    keptBytes += entry.bytes;
    for (const [oldKey, old] of entries) {
      if (keptBytes <= mostBytes) break;
      if (old.state === "done") forget(oldKey, old);
    }
  };

  const produce = async (key: string, line: SpeechLine, entry: Entry) => {
    try {
      for await (const piece of speech.speak(line, entry.abandon.signal)) {
        entry.pieces.push(piece);
        entry.bytes += piece.byteLength;
        tell(entry);
      }
      keep(key, entry);
      entry.state = "done";
    } catch (error) {
      forget(key, entry);
      entry.state = "failed";
      entry.error = error;
    }
    tell(entry);
  };

  const open = (key: string, line: SpeechLine): Entry => {
    const entry: Entry = {
      pieces: [],
      bytes: 0,
      state: "speaking",
      error: undefined,
      readers: 0,
      abandon: new AbortController(),
      changed: Promise.withResolvers(),
    };
    entries.set(key, entry);
    void produce(key, line, entry);
    return entry;
  };

  return {
    async *speak(line, signal) {
      signal.throwIfAborted();
      const key = JSON.stringify([line.language, line.voice, line.text]);
      const there = entries.get(key);
      const entry = there ?? open(key, line);
      if (there) {
        // The order of a Map is that of insertion, so the latest used goes last.
        entries.delete(key);
        entries.set(key, there);
      }
      entry.readers++;
      const aborted = Promise.withResolvers<never>();
      aborted.promise.catch(() => undefined);
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      try {
        for (let next = 0; ; ) {
          const piece = entry.pieces[next];
          if (piece) {
            next++;
            yield piece;
            signal.throwIfAborted();
          } else if (entry.state === "failed") throw entry.error;
          else if (entry.state === "done") return;
          else await Promise.race([entry.changed.promise, aborted.promise]);
        }
      } finally {
        signal.removeEventListener("abort", abort);
        entry.readers--;
        if (entry.readers === 0 && entry.state === "speaking") {
          forget(key, entry);
          entry.abandon.abort();
        }
      }
    },
  };
}

function tell(entry: Entry): void {
  const { changed } = entry;
  entry.changed = Promise.withResolvers();
  changed.resolve();
}
