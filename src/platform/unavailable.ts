import { DatabaseError } from "pg";

/** SQLSTATE classes and codes: connection lost, shutting down or crashed, too many connections, not the primary any more. */
const UNAVAILABLE_STATE = /^(08|57P)|^53300$|^25006$/;
const UNAVAILABLE_CODES = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ENOENT", "EPIPE", "ETIMEDOUT"],
  ...["EAI_AGAIN", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH"],
]);
const UNAVAILABLE_MESSAGE = /timeout exceeded when trying to connect|connection terminated|connection error|query read timeout/i;

/** Whether the database could not be reached or is going down: the request may be tried again later. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof DatabaseError) return UNAVAILABLE_STATE.test(error.code ?? "");
  if (!(error instanceof Error)) return false;
  return UNAVAILABLE_CODES.has("code" in error ? String(error.code) : "") || UNAVAILABLE_MESSAGE.test(error.message);
}
