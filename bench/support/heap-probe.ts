import { renameSync, writeFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Loaded into the product's processes by NODE_OPTIONS: at SIGUSR2 it collects garbage and writes what is left into
 * BENCH_PROBE/PID.json.
 */
export interface HeapSample {
  heapMb: number;
  /** Buffers, mostly. */
  externalMb: number;
  residentMb: number;
  /** What is open, by kind, such as `{ UDPWRAP: 2, Timeout: 7 }`. */
  resources: Record<string, number>;
}

const folder = process.env.BENCH_PROBE;
setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

process.on("SIGUSR2", () => {
  // What has a finaliser is only free after another round.
  collect();
  collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const mb = (bytes: number) => bytes / 1024 / 1024;
  const sample: HeapSample = { heapMb: mb(heapUsed), externalMb: mb(external), residentMb: mb(rss), resources };
  const file = `${folder}/${process.pid}.json`;
  writeFileSync(`${file}.partial`, JSON.stringify(sample));
  renameSync(`${file}.partial`, file);
});
