import type { TestContext } from "node:test";
import { type Server, startServer } from "./support.ts";

const TELL_STALLS = `--import=${new URL("./tell-stalls.ts", import.meta.url)}`;
/** Stopping has so much time to spare at least, of its five seconds. */
const SPARE_MS = 1_000;
const MORE = 3;

/**
 * Tries again what failed when a server that it started, or the process of its calls, stood still for long while it stopped: the time for
 * stopping runs on. Whatever else goes wrong fails the test at once.
 */
export async function unlessStalled(test: TestContext, attempt: (start: typeof startServer) => Promise<void>): Promise<void> {
  for (let left = MORE; ; left--) {
    const servers: Server[] = [];
    try {
      return await attempt(async (env, options) => {
        const server = await startServer({ ...env, NODE_OPTIONS: TELL_STALLS }, options);
        servers.push(server);
        return server;
      });
    } catch (error) {
      const told = servers.flatMap(({ output }) => [...output.err.matchAll(/stood still for (\d+) ms/g)].map(([, ms]) => Number(ms)));
      const stoodStillMs = Math.max(0, ...told);
      if (left === 0 || stoodStillMs < SPARE_MS) throw error;
      test.diagnostic(`once more: ${error}; a process stood still for ${stoodStillMs} ms`);
    }
  }
}
