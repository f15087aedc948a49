import { unlink } from "node:fs/promises";
import { isErrno } from "../../platform/files.ts";
import type { House } from "../context.ts";
import { recordingPath } from "./recordingPath.ts";

/** Whoever still listens to it has it open and hears it to its end; nobody else can open it. False: there was none. */
export async function removeRecordingFile(settings: House["settings"], file: string): Promise<boolean> {
  const path = recordingPath(settings, file);
  if (path === undefined) return false;
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return false;
    throw error;
  }
}
