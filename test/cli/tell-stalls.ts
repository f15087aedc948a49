import { monitorEventLoopDelay } from "node:perf_hooks";

/** Loaded before the program: says at its end for how long it stood still, at the longest, since it was asked to stop. */
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
process.once("SIGTERM", () => delay.reset());
process.once("exit", () => process.stderr.write(`stood still for ${Math.round(delay.max / 1e6)} ms\n`));
