import { run } from "./bed.ts";

export interface WrkResult {
  requests: number;
  seconds: number;
  p50Ms: number;
  p99Ms: number;
  non2xx: number;
  socketErrors: number;
}

export interface WrkOptions {
  /** In this folder. */
  script: "lead.lua" | "big.lua";
  url: string;
  connections: number;
  seconds: number;
  environment: Record<string, string>;
}

/** One thread of wrk; see the script for what it needs. */
export async function runWrk({ script, url, connections, seconds, environment }: WrkOptions): Promise<WrkResult> {
  const path = new URL(script, import.meta.url).pathname;
  const out = await run("wrk", ["-t", "1", "-c", String(connections), "-d", `${seconds}s`, "-s", path, url], environment);
  // As the scripts print it.
  return JSON.parse(/RESULT (.*)/.exec(out)?.[1] ?? "{}") as WrkResult;
}
