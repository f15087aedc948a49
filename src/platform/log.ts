import { type Logger, pino } from "pino";

export type Log = Logger;

export const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "trace", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** JSON lines on standard error, so that standard output stays free for what a command prints. */
export function createLog(level: LogLevel): Log {
  return pino({ level, redact: ["req.headers.authorization", "*.token", "*.password", "*.secret"] }, pino.destination(2));
}
