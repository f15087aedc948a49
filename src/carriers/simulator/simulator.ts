import type { Clock } from "../../platform/clock.ts";
import type { Carrier, DialRequest, Leg, LegCause, LegHandler } from "../carrier.ts";
import { between, type Random, seededRandom } from "./random.ts";
import { fateOf, MACHINE, scriptFor } from "./script.ts";
import { playScript, type SimulatedLeg } from "./talk.ts";

export interface SimulatorOptions {
  clock: Clock;
  /** 10: ten times as fast as people; 0: does not wait at all. */
  speed: number;
  /** With a call's id, all that is random in the call. */
  seed: string;
}

const LONGEST_RINGING_MS = 8_000;

/** A carrier without a network: it rings, answers and talks by a script. What happens on which number: `script.ts`. */
export function createSimulator(options: SimulatorOptions): Carrier {
  return {
    dial(request, handler) {
      const leg = openLeg(options, handler);
      void ring(request, handler, leg, seededRandom(`${options.seed} ${request.callId}`));
      return {
        hangup: () => leg.end(leg.answered ? "hangup_local" : "canceled"),
        async transfer() {
          if (!leg.answered || leg.over.aborted) return { accepted: false, detail: "Nobody is on the line." };
          leg.end("transferred");
          return { accepted: true };
        },
      } satisfies Leg;
    },
  };
}

function openLeg({ clock, speed }: SimulatorOptions, handler: LegHandler): SimulatedLeg {
  const over = new AbortController();
  return {
    clock,
    answered: false,
    over: over.signal,
    async wait(ms, signal = over.signal) {
      if (speed > 0 && !signal.aborted) {
        await clock.sleep(ms / speed, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }
      return !signal.aborted;
    },
    end(cause: LegCause) {
      if (over.signal.aborted) return;
      over.abort();
      handler.ended({ cause });
    },
  };
}

async function ring(request: DialRequest, handler: LegHandler, leg: SimulatedLeg, random: Random): Promise<void> {
  const fate = fateOf(request.to);
  // The handler hears nothing before `dial` has returned.
  await Promise.resolve();
  if (!(await leg.wait(between(random, 200, 500)))) return;
  if (fate === "unreachable" || fate === "busy") return leg.end(fate);
  handler.ringing();
  const patienceMs = Math.min(LONGEST_RINGING_MS, request.ringTimeoutSeconds * 1000);
  if (!(await leg.wait(fate === "no_answer" ? patienceMs : Math.min(patienceMs, between(random, 800, 2_000))))) return;
  if (fate === "no_answer" || fate === "declined") return leg.end(fate);
  leg.answered = true;
  if (fate === "machine") handler.answered(playScript(MACHINE, leg, random), "machine");
  else handler.answered(playScript(scriptFor(request.to, fate, random), leg, random), "human");
}
