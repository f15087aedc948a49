import { once } from "node:events";
import { constants, setPriority } from "node:os";
import { Command } from "commander";
import { readConfig } from "../config.ts";
import { createLog } from "../platform/log.ts";
import { openStore } from "../store.ts";
import { Complaint } from "./complaint.ts";
import { stopRequest } from "./stop-request.ts";

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
  const began = once(process, "message", { signal: stop });
  const { startApp } = await import("../app.ts");
  await began.catch(() => undefined);
  if (!stop.aborted) {
    const store = await openStore(config, "command", log);
    try {
      const app = await startApp(config, store, ["voice"], log);
      if (process.connected) process.send?.("ready", () => undefined);
      if (!stop.aborted) await once(stop, "abort");
      await app.close();
    } finally {
      await store.close();
    }
  }
  process.exit();
}

/** Sound waits for nobody; where only root may say so, it goes on as everybody else. */
function hurry(): void {
  try {
    setPriority(constants.priority.PRIORITY_HIGH);
  } catch {
    // Not permitted.
  }
}
