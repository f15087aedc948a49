import { once } from "node:events";
import type { Clock } from "../../platform/clock.ts";
import type { LegCause, TextMedia } from "../carrier.ts";
import { between, type Random } from "./random.ts";
import type { Script } from "./script.ts";

export interface SimulatedLeg {
  readonly clock: Clock;
  answered: boolean;
  /** Aborted once the leg has ended. */
  readonly over: AbortSignal;
  /** Lets simulated time pass; false when the leg, or `signal` in its place, was over before that. */
  wait(ms: number, signal?: AbortSignal): Promise<boolean>;
  end(cause: LegCause): void;
}

const MS_PER_CHARACTER = 25;

/** The other party of a text conversation. All waiting is within `say` and `hear`, so a finished leg leaves nothing behind. */
export function playScript(script: Script, leg: SimulatedLeg, random: Random): TextMedia {
  const lines = [...script.lines];
  let spoken = false;

  return {
    kind: "text",

    async say(text) {
      spoken = true;
      const ms = text.length * MS_PER_CHARACTER;
      if (lines.length > 0 || script.ending !== "hangs up") {
        await leg.wait(ms);
      } else if (await leg.wait(ms / 2)) {
        // Who has said goodbye does not hear the other's goodbye out.
        leg.end("hangup");
      }
    },

    async hear(until) {
      const signal = AbortSignal.any([until, leg.over]);
      if (!(await leg.wait(between(random, 300, 900), signal))) return undefined;
      const text = spoken ? lines[0] : script.greeting;
      if (text === undefined) {
        if (script.ending === "breaks off") leg.end("lost");
        if (!signal.aborted) await once(signal, "abort");
        return undefined;
      }
      if (spoken) lines.shift();
      spoken = true;
      const startedAt = leg.clock.now();
      if (!(await leg.wait(text.length * MS_PER_CHARACTER, signal))) return undefined;
      return { text, startedAt, endedAt: leg.clock.now() };
    },
  };
}
