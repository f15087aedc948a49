import { KEYS } from "./createEventReceiver.ts";

/** Keys that wait to be pressed, one frame of 20 ms after the other. */
export interface DigitSender {
  /** Resolves once the last one was pressed and released. Throws TypeError for what is not a key. */
  press(digits: string): Promise<void>;
  /** What the next frame is part of; undefined when nothing is pressed. The object is used again. */
  step(): Readonly<DigitStep> | undefined;
  close(): void;
}

export interface DigitStep {
  /** Event code of RFC 4733, which is the index in KEYS. */
  event: number;
  /** Frame of this press, from 0 on. */
  frame: number;
  phase: "pressed" | "released" | "pause";
}

export const PRESS_MS = 100;
/** The key is down for 100 ms; then follow 80 ms of pause, in whose first 40 ms the end is told twice more. */
const PRESSED = 5;
const RELEASED = 7;
const FRAMES = 9;

export function createDigitSender(): DigitSender {
  let waiting: Array<{ events: number[]; done: () => void }> = [];
  const step: DigitStep = { event: 0, frame: -1, phase: "pause" };
  let closed = false;

  return {
    press(digits) {
      const events = Array.from(digits.toUpperCase(), (digit) => KEYS.indexOf(digit));
      if (events.includes(-1)) throw new TypeError(`Keys are 0-9, *, # and A-D, not ${JSON.stringify(digits)}.`);
      if (closed || events.length === 0) return Promise.resolve();
      return new Promise((done) => waiting.push({ events, done }));
    },
    step() {
      const first = waiting[0];
      if (!first) return undefined;
      step.frame++;
      if (step.frame === FRAMES) {
        step.frame = 0;
        first.events.shift();
        if (first.events.length === 0) {
          waiting.shift();
          first.done();
          if (waiting.length === 0) {
            step.frame = -1;
            return undefined;
          }
        }
      }
      step.event = waiting[0]?.events[0] ?? 0;
      step.phase = step.frame < PRESSED ? "pressed" : step.frame < RELEASED ? "released" : "pause";
      return step;
    },
    close() {
      closed = true;
      const told = waiting;
      waiting = [];
      for (const one of told) one.done();
    },
  };
}
