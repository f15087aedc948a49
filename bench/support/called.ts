import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import type { Pacing } from "./rtp-lines.ts";
import type { Behaviour, SeenCall, SipAnswerer } from "./sip-answerer.ts";
import type { Dialling } from "./sip-dialer.ts";

/** What the process of the called side can be asked. */
export interface Answers {
  /** Where it takes calls: a UDP port of loopback. */
  port(): number;
  behave(how: Behaviour): void;
  state(): SipAnswerer["state"];
  calls(): SeenCall[];
  hangUp(): void;
  /** Pacing is measured from now on. */
  measure(): void;
  pacing(): Pacing;
  dial(how: Dialling): Promise<number[]>;
}
export interface Question {
  ask: keyof Answers;
  of: unknown;
}
export interface Reply {
  answer: unknown;
}

export interface Called {
  port: number;
  pid: number;
  ask<K extends keyof Answers>(ask: K, ...of: Parameters<Answers[K]>): Promise<Awaited<ReturnType<Answers[K]>>>;
  /** Waits until so many calls are up, or fails. */
  untilUp(count: number, withinMs: number): Promise<void>;
  close(): Promise<void>;
}

const LOOK_EVERY_MS = 20;

/**
 * The called side, in a process of its own that shares no code of SIP or RTP with the product: takes every call that comes to its
 * UDP port at once, and notes when each message and packet came.
 */
export async function startCalled(): Promise<Called> {
  const peer = fork(new URL("called-peer.ts", import.meta.url), [], { execArgv: [], serialization: "advanced" });
  const gone = once(peer, "exit");
  const answers: Array<(answer: unknown) => void> = [];
  await Promise.race([once(peer, "message"), gone.then(() => Promise.reject(new Error("the called side did not start")))]);
  peer.on("message", ({ answer }: Reply) => answers.shift()?.(answer));

  const ask: Called["ask"] = (name, ...[of]) =>
    new Promise((resolve) => {
      // Questions are answered in their order, each with what its name says.
      answers.push(resolve as (answer: unknown) => void);
      peer.send({ ask: name, of } satisfies Question);
    });

  return {
    port: await ask("port"),
    pid: peer.pid ?? 0,
    ask,
    async untilUp(count, withinMs) {
      const until = performance.now() + withinMs;
      for (;;) {
        const state = await ask("state");
        if (state.up === count) return;
        if (performance.now() > until) throw new Error(`${count} calls should be up, but it is ${JSON.stringify(state)}`);
        await sleep(LOOK_EVERY_MS);
      }
    },
    async close() {
      if (peer.connected) peer.disconnect();
      await gone;
    },
  };
}
