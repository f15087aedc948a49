import { once } from "node:events";
import { url as debuggerUrl } from "node:inspector";
import { Command } from "commander";
import { readConfig } from "../config.ts";
import { hurry } from "../platform/hurry.ts";
import { createLog } from "../platform/log.ts";
import { openStore } from "../store.ts";
import { Complaint } from "./complaint.ts";
import { stopRequest } from "./stop-request.ts";
import { DEBUGGED, PING, PONG } from "./watchAnswers.ts";

/** What `leadline start` runs its calls in; see voice-process.ts. It ends with the process that started it. */
export const voiceCommand = (): Command => new Command("voice").action(voice);

async function voice(): Promise<void> {
  if (!process.connected) throw new Complaint("leadline start runs this. For a process of its own: leadline start --role voice");
  const config = readConfig(process.env);
  const log = createLog(config.LOG_LEVEL);
  const stop = stopRequest((error) => log.fatal({ err: error }, "unexpected error; stopping"));
  // The process that started us is gone, or asks us to stop.
  const orphaned = once(process, "disconnect", { signal: stop });
  orphaned.then(() => process.emit("SIGTERM")).catch(() => undefined);
  hurry();
  const begun = Promise.withResolvers<void>();
  stop.addEventListener("abort", () => begun.resolve());
  process.on("message", (message) => {
    if (message === "begin") begun.resolve();
  });
  const { startApp } = await import("../app.ts");
  process.on("message", (message) => {
    if (message === PING) tell(debuggerUrl() === undefined ? PONG : DEBUGGED);
  });
  await begun.promise;
  if (!stop.aborted) {
    const store = await openStore(config, "command", log);
    try {
      const app = await startApp(config, store, ["voice"], log);
      tell("ready");
      if (!stop.aborted) await once(stop, "abort");
      await app.close();
    } finally {
      await store.close();
    }
  }
  process.exit();
}

/** To the process that started us, unless it is gone. */
function tell(message: string): void {
  if (process.connected) process.send?.(message, () => undefined);
}
