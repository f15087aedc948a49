import { type Config, readConfig } from "../config.ts";
import type { House } from "../core/context.ts";
import { createLog, type Log } from "../platform/log.ts";
import { pendingMigrations } from "../platform/postgres/migrate.ts";
import { migrateStore, openStore } from "../store.ts";
import { Complaint } from "./complaint.ts";

/** What a command has to say: one value for programs, or text for people. */
export interface Answer {
  json: unknown;
  text: string;
}

export interface Session {
  config: Config;
  house: House;
}

/** Runs a command over the open store, beside a server if one runs, and prints its answer. */
export async function overStore(options: { json?: boolean }, work: (session: Session) => Promise<Answer>): Promise<void> {
  const config = readConfig(process.env);
  const log = quietLog(config);
  const store = await openStore(config, "command", log);
  let answer: Answer;
  try {
    await bringUpToDate(config, store.house, log);
    answer = await work({ config, house: store.house });
  } finally {
    await store.close();
  }
  print(answer, options);
}

/** The embedded database follows the program; one of the operator's own is changed only when asked to. */
async function bringUpToDate(config: Config, house: House, log: Log): Promise<void> {
  const pending = await pendingMigrations(house.db.pool);
  if (pending.length === 0) return;
  if (config.DATABASE_URL) throw new Complaint(`The database lacks ${pending.join(", ")}. Run: leadline migrate`);
  await migrateStore(house, log);
}

export function print(answer: Answer, options: { json?: boolean }): void {
  process.stdout.write(`${options.json ? JSON.stringify(answer.json, null, 2) : answer.text}\n`);
}

/** A command's answer is on standard output; on standard error people want trouble only. */
export const quietLog = (config: Config): Log => createLog(config.LOG_LEVEL === "info" ? "warn" : config.LOG_LEVEL);
