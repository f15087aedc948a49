import { ConfigError } from "../config.ts";
import { isDomainError } from "../core/errors.ts";
import { AlreadyRunning } from "../platform/postgres/embedded/embedded.ts";
import { StoreError } from "../store.ts";
import { Complaint } from "./complaint.ts";

/** Says on standard error what went wrong, in one sentence; with LOG_LEVEL=debug also where. */
export function report(error: unknown): void {
  process.stderr.write(`leadline: ${sentence(error)}\n`);
  const level = process.env.LOG_LEVEL?.trim();
  if (level === "debug" || level === "trace") console.error(error);
}

export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (isOurs(error)) return error.message;
  if (error instanceof AggregateError && error.message === "") return sentence(error.errors[0]);
  if ("syscall" in error && "path" in error && !("address" in error)) return `${String(error.path)} cannot be used: ${fileTrouble(error)}.`;
  const cause = error.cause instanceof Error ? ` ${sentence(error.cause)}` : "";
  return `${error.message}${cause}`;
}

const isOurs = (error: Error): boolean =>
  error instanceof Complaint ||
  error instanceof ConfigError ||
  error instanceof StoreError ||
  error instanceof AlreadyRunning ||
  isDomainError(error);

const FILE_TROUBLE: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  ENOTDIR: "a part of the path is not a folder",
  EEXIST: "there is something else of that name",
  ENAMETOOLONG: "the path is too long",
  ELOOP: "the path has a loop of links",
};

function fileTrouble(error: Error): string {
  return ("code" in error && FILE_TROUBLE[String(error.code)]) || error.message;
}
