import { closeSync, existsSync, fsyncSync, linkSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** Writes a file that only its owner may read, and its folder if need be: readers see the old text or the new one, also after a power failure. */
export function replaceFile(path: string, text: string): void {
  const partial = writeBeside(path, text);
  try {
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  syncFolder(path);
}

/** The same for a file that may not be there yet; false, and nothing changed, when it is. */
export function createFile(path: string, text: string): boolean {
  const partial = writeBeside(path, text);
  try {
    linkSync(partial, path);
  } catch (error) {
    if (isErrno(error, "EEXIST")) return false;
    throw error;
  } finally {
    rmSync(partial, { force: true });
  }
  syncFolder(path);
  return true;
}

/** Makes a folder and those above it that are missing; returns the ones it made. */
export function makeFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) missing.unshift(path);
  // Not mkdir's `recursive`, with which Node.js never returns from where no folder can be made, such as /proc.
  return missing.filter((path) => {
    try {
      mkdirSync(path);
      return true;
    } catch (error) {
      if (isErrno(error, "EEXIST")) return false;
      throw error;
    }
  });
}

export const isErrno = (error: unknown, code: string): boolean => error instanceof Error && "code" in error && error.code === code;

function writeBeside(path: string, text: string): string {
  makeFolders(dirname(path));
  const partial = `${path}.${process.pid}.partial`;
  rmSync(partial, { force: true });
  const file = openSync(partial, "wx", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return partial;
}

/** A name is durable once its folder is. */
function syncFolder(path: string): void {
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
