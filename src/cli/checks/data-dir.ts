import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { credentialsPath } from "../../credentials.ts";
import { masterKeyPath } from "../../store.ts";
import { type Finding, note, ok, problem } from "./finding.ts";

const ABOUT = "DATA_DIR";
export const LEAST_FREE_BYTES = 1024 ** 3;

export function checkDataDir(dataDir: string): Finding[] {
  const there = existsSync(dataDir);
  if (!isWritable(nearest(dataDir))) {
    return [
      problem(ABOUT, `${dataDir} cannot be written by this user. Choose another folder, or make it one of the user who runs Leadline.`),
    ];
  }
  if (!there) return [note(ABOUT, `${dataDir} is made at the first start.`)];
  const free = statfsSync(dataDir);
  const freeBytes = free.bavail * free.bsize;
  const space =
    freeBytes < LEAST_FREE_BYTES
      ? problem(ABOUT, `${dataDir} has only ${Math.floor(freeBytes / 1024 ** 2)} MiB of disk left. Make room.`)
      : ok(ABOUT, dataDir);
  return [space, ...[masterKeyPath(dataDir), credentialsPath(dataDir)].flatMap(checkSecretFile)];
}

/** Files that hold keys are for their owner alone. */
function checkSecretFile(path: string): Finding[] {
  if (!existsSync(path)) return [];
  const mode = statSync(path).mode & 0o777;
  const about = "secret file";
  if ((mode & 0o077) === 0) return [ok(about, path)];
  return [problem(about, `${path} can be read by others (mode ${mode.toString(8)}). Run: chmod 600 '${path}'`)];
}

/** The folder itself, or where it would be made. */
export function nearest(path: string): string {
  return existsSync(path) ? path : nearest(dirname(path));
}

export function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
