import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";

/**
 * Sound waits for nobody; where only root may say so, it goes on as everybody else. On Linux each thread has a priority of its own,
 * and those that help with garbage are there already: one that has to wait for the processor holds locks that the sound needs.
 */
export function hurry(): void {
  const threads = process.platform === "linux" ? readdirSync("/proc/self/task").map(Number) : [0];
  for (const thread of threads) {
    try {
      setPriority(thread, constants.priority.PRIORITY_HIGH);
    } catch {
      // Not permitted, or it has just ended.
    }
  }
}
