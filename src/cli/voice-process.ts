import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Log } from "../platform/log.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** One that ran for this long was not broken from the start. */
const STEADY_MS = 60_000;

export interface VoiceProcess {
  /** The store is migrated: the process may take calls. Resolves when it does. */
  begin(): Promise<void>;
  /** Resolves when it has hung up and ended. */
  close(): Promise<void>;
}

/**
 * The voice role beside other roles: a process of its own, `leadline voice`, because a request that keeps JavaScript busy for a
 * few milliseconds would be heard in every call. It is started again when it dies, and ends when this process does. Its modules
 * load while the store is still being opened here.
 */
export function startVoiceProcess(log: Log): VoiceProcess {
  const closing = new AbortController();
  const ready = Promise.withResolvers<void>();
  let begun = false;
  let child = spawn();

  function spawn(): ChildProcess {
    const spawned = fork(MAIN, ["voice"], { execPath: process.execPath, stdio: "inherit", serialization: "json" });
    spawned.on("message", (message) => {
      if (message === "ready") ready.resolve();
    });
    // Sending to one that is gone; that it is gone is told by `exit`.
    spawned.on("error", () => undefined);
    return spawned;
  }

  const supervise = async () => {
    for (let pauseMs = FIRST_PAUSE_MS; ; ) {
      const since = performance.now();
      const [code, signal] = await once(child, "exit");
      // Who waits for it does not wait in vain: all else works without it.
      ready.resolve();
      if (closing.signal.aborted) return;
      if (performance.now() - since > STEADY_MS) pauseMs = FIRST_PAUSE_MS;
      log.error({ code, signal, againInMs: pauseMs }, "the voice process ended; its calls are lost; starting it again");
      await sleep(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
      if (closing.signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      child = spawn();
      if (begun) child.send("begin");
    }
  };
  const over = supervise();

  return {
    async begin() {
      begun = true;
      if (child.connected) child.send("begin");
      await ready.promise;
    },
    async close() {
      closing.abort();
      if (child.connected) child.disconnect();
      await over;
    },
  };
}
