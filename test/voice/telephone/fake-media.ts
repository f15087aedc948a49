import { type AudioFrame, type AudioMedia, FRAME_MS, FRAME_SAMPLES } from "../../../src/carriers/carrier.ts";
import type { Clock } from "../../../src/platform/clock.ts";

export interface FakeMedia extends AudioMedia {
  /** What the other party says from now on, for so long; silence else. */
  speak(ms: number, amplitude?: number): void;
  /** Noise of the line, always there. */
  noise(amplitude: number): void;
  /** What is said comes back after so long, that much fainter (1 is as loud). */
  echo(delayMs: number, share: number): void;
  press(digit: string): void;
  /** All that was said, frame for frame. */
  readonly said: Int16Array[];
  /** How often unsaid samples were dropped. */
  readonly clears: number;
  /** Most samples that ever waited. */
  readonly mostWaiting: number;
  readonly listeners: number;
  /** The leg is over: no frame comes any more. */
  end(): void;
}

/** Audio whose 20 ms are those of the clock. */
export function createFakeMedia(clock: Clock): FakeMedia {
  const frameListeners = new Set<(frame: AudioFrame) => void>();
  const digitListeners = new Set<(digit: string) => void>();
  const said: Int16Array[] = [];
  const over = new AbortController();
  let queue: number[] = [];
  const drained: Array<() => void> = [];
  let played = 0;
  let clears = 0;
  let mostWaiting = 0;
  let timestampMs = 0;
  let voice = { untilMs: 0, amplitude: 0 };
  let noise = 0;
  let echo = { frames: 0, share: 0 };

  const settle = () => {
    if (queue.length > 0) return;
    for (const resolve of drained.splice(0)) resolve();
  };

  const tick = () => {
    const out = new Int16Array(FRAME_SAMPLES);
    const samples = queue.splice(0, FRAME_SAMPLES);
    out.set(samples);
    played += samples.length;
    const amplitude = timestampMs < voice.untilMs ? voice.amplitude : noise;
    said.push(out);
    const back = said.at(-1 - echo.frames);
    const heard = Int16Array.from({ length: FRAME_SAMPLES }, (_, index) =>
      Math.round(amplitude * Math.sin((index * Math.PI) / 8) + (back?.[index] ?? 0) * echo.share),
    );
    for (const listener of [...frameListeners]) listener({ timestampMs, heard, said: out, concealed: false });
    timestampMs += FRAME_MS;
    settle();
  };

  const run = async () => {
    for (;;) {
      await clock.sleep(FRAME_MS, over.signal);
      tick();
    }
  };
  run().catch(() => undefined);

  return {
    kind: "audio",
    said,
    get clears() {
      return clears;
    },
    get mostWaiting() {
      return mostWaiting;
    },
    get listeners() {
      return frameListeners.size + digitListeners.size;
    },
    speak: (ms, amplitude = 6_000) => {
      voice = { untilMs: timestampMs + ms, amplitude };
    },
    noise: (amplitude) => {
      noise = amplitude;
    },
    echo: (delayMs, share) => {
      echo = { frames: delayMs / FRAME_MS, share };
    },
    press: (digit) => {
      for (const listener of [...digitListeners]) listener(digit);
    },
    end: () => {
      over.abort();
      queue = [];
      settle();
    },
    onFrame(listener) {
      frameListeners.add(listener);
      return () => frameListeners.delete(listener);
    },
    onDigit(listener) {
      digitListeners.add(listener);
      return () => digitListeners.delete(listener);
    },
    play(samples) {
      if (over.signal.aborted) return;
      for (const sample of samples) queue.push(sample);
      mostWaiting = Math.max(mostWaiting, queue.length);
    },
    clear() {
      clears++;
      queue = [];
      settle();
    },
    drained: () =>
      new Promise((resolve) => {
        drained.push(resolve);
        settle();
      }),
    position: () => ({ playedSamples: played, waitingSamples: queue.length }),
    sendDigits: async () => undefined,
  };
}
