import { monitorEventLoopDelay } from "node:perf_hooks";

/** From now on. Gives the longest time, in ms, for which this process has stood still until it is asked. */
export function watchStalls(): () => number {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  return () => delay.max / 1e6;
}
