import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { within } from "../engine/within.ts";
import type { Log } from "../platform/log.ts";
import { type Patience, watchAnswers } from "./watchAnswers.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** One that ran for this long was not broken from the start. */
const STEADY_MS = 60_000;
/** Of the five seconds that there are for stopping: a voice node and SIP take 2.3 at most, and the database, which may take two, has yet to be stopped. */
const HANG_UP_MS = 2_500;
/** Until its leases are lost it may recover with all its calls; ten seconds later they are lost for sure, and to wait longer saves nobody. */
const PATIENCE: Patience = { everyMs: 1_000, unanswered: 10 };
/** A young heap is collected whole again and again, each time for as long as a frame of sound lasts; this one starts out grown. */
const EXEC_ARGV = ["--initial-old-space-size=256"];

export interface VoiceProcess {
  /** The store is migrated: the process may take calls. Resolves when it does, when it cannot and there is other work here, and when it is to stop. */
  begin(): Promise<void>;
  /** Resolves when it has hung up and ended, or was killed because it hangs itself. */
  close(): Promise<void>;
}

interface Running {
  child: ChildProcess;
  /** How it ended, for the log. */
  ended: Promise<object>;
  /** It got as far as taking calls. */
  started: boolean;
}

interface Circumstances {
  /** This process has no other work. */
  alone?: boolean;
  patience?: Patience;
}

/**
 * The voice role, beside other roles or alone: a process of its own, `leadline voice`, because a request that keeps JavaScript busy for a
 * few milliseconds would be heard in every call, and because V8 is told at its start how to be quiet. It is started again when it dies or
 * hangs, and ends when this process does. Its modules load while the store is still being opened here. `stop`: this process was asked to
 * stop, and by the terminal that one too.
 */
export function startVoiceProcess(log: Log, stop: AbortSignal, { alone = false, patience = PATIENCE }: Circumstances = {}): VoiceProcess {
  const closing = new AbortController();
  const leaving = AbortSignal.any([stop, closing.signal]);
  const ready = Promise.withResolvers<void>();
  // Nobody waits for one that is to end.
  leaving.addEventListener("abort", () => ready.resolve(), { once: true });
  let begun = false;
  let running = spawn();

  function spawn(): Running {
    const child = fork(MAIN, ["voice"], {
      execPath: process.execPath,
      execArgv: [...process.execArgv, ...EXEC_ARGV],
      stdio: "inherit",
      serialization: "json",
    });
    const endWatch = watchAnswers(child, patience, () => {
      const silentMs = patience.everyMs * patience.unanswered;
      log.error({ voicePid: child.pid, silentMs }, "the voice process hangs: it has not answered for this long, and is killed");
      child.kill("SIGKILL");
    });
    const ended = new Promise<object>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
      // One that could not be started has no `exit`. Of any other, it is a word to one that is gone.
      child.on("error", (err) => {
        if (child.pid === undefined) resolve({ err });
      });
    });
    void ended.then(endWatch);
    const spawned: Running = { child, ended, started: false };
    child.on("message", (message) => {
      if (message !== "ready") return;
      spawned.started = true;
      ready.resolve();
    });
    return spawned;
  }

  const supervise = async () => {
    for (let pauseMs = FIRST_PAUSE_MS; ; ) {
      const since = performance.now();
      const how = await running.ended;
      // Who waits for it does not wait in vain: all else works without it.
      if (!alone) ready.resolve();
      if (leaving.aborted) return;
      if (performance.now() - since > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      const what = running.started ? "the voice process ended; its calls are lost" : "the voice process cannot start: nobody can be called";
      log.error({ ...how, againInMs: pauseMs }, `${what}; starting it again`);
      await sleep(pauseMs, undefined, { signal: leaving }).catch(() => undefined);
      if (leaving.aborted) return;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      running = spawn();
      // One that could not be started may have no `send`.
      if (begun && running.child.connected) running.child.send("begin");
    }
  };
  const over = supervise().finally(ready.resolve);

  return {
    async begin() {
      begun = true;
      if (running.child.connected) running.child.send("begin");
      await ready.promise;
    },
    async close() {
      closing.abort();
      const { child } = running;
      if (child.connected) child.disconnect();
      if (await within(HANG_UP_MS, over)) return;
      log.error({ voicePid: child.pid }, "the voice process hangs and is killed");
      child.kill("SIGKILL");
      await over;
    },
  };
}
