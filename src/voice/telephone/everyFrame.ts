import type { AudioFrame, AudioMedia } from "../../carriers/carrier.ts";

/** Asks `look` at every frame until it gives something. Rejects with the signal's reason when aborted. */
export function everyFrame<T>(media: AudioMedia, signal: AbortSignal, look: (frame: AudioFrame) => T | undefined): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const leave = () => {
      stop();
      signal.removeEventListener("abort", aborted);
    };
    const aborted = () => {
      leave();
      reject(signal.reason);
    };
    const stop = media.onFrame((frame) => {
      const found = look(frame);
      if (found === undefined) return;
      leave();
      resolve(found);
    });
    signal.addEventListener("abort", aborted, { once: true });
  });
}
