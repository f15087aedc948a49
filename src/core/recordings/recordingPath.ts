import { isAbsolute, join, relative } from "node:path";
import type { House } from "../context.ts";

/** Where a recording lies on this machine; undefined when what the store says is not in the folder of recordings. */
export function recordingPath({ recordingsDir }: Pick<House["settings"], "recordingsDir">, file: string): string | undefined {
  const path = join(recordingsDir, file);
  const way = relative(recordingsDir, path);
  return way !== "" && !way.startsWith("..") && !isAbsolute(way) ? path : undefined;
}
