import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Config } from "./config.ts";
import type { Db, House } from "./core/context.ts";
import type { Tables } from "./core/tables.ts";
import { systemClock } from "./platform/clock.ts";
import { createFile } from "./platform/files.ts";
import { migrateJobs } from "./platform/jobs/jobs.ts";
import type { Log } from "./platform/log.ts";
import { type Connection, openDatabase } from "./platform/postgres/database.ts";
import { openEmbedded, type Tenancy } from "./platform/postgres/embedded/embedded.ts";
import { migrate } from "./platform/postgres/migrate.ts";
import { createSecretBox, type SecretBox } from "./platform/secrets.ts";

export interface Store {
  house: House;
  connection: Connection;
  close(): Promise<void>;
}

/** The store cannot be opened as the configuration has it; the message says what would do. */
export class StoreError extends Error {}

/** PostgreSQL's `server_version_num` of the oldest version that we use nothing newer than. */
export const OLDEST_POSTGRES = 150_000;
const POOL_PATIENCE_MS = 300;

/** Opens the database that the configuration names, starting the embedded one if need be, and what every verb stands on. */
export async function openStore(config: Config, tenancy: Tenancy, log: Log): Promise<Store> {
  // Those of the server and of its voice process, and some for commands.
  const settings = { max_connections: String(2 * config.DATABASE_CONNECTIONS + 68) };
  const embedded = config.DATABASE_URL ? undefined : await openEmbedded({ dataDir: config.DATA_DIR, tenancy, log, settings });
  const connection = embedded?.connection ?? { connectionString: config.DATABASE_URL };
  const db = openDatabase<Tables>({ connection, maxConnections: config.DATABASE_CONNECTIONS, log });
  const close = async () => {
    // A connection that is still at work keeps the pool open; it may not keep the database from being stopped.
    await Promise.race([db.close(), sleep(POOL_PATIENCE_MS, undefined, { ref: false })]);
    await embedded?.close();
  };
  try {
    const version = await postgresVersion({ db }).catch((cause: unknown) => {
      if (!config.DATABASE_URL) throw cause;
      throw new StoreError(`The database ${withoutPassword(config.DATABASE_URL)} cannot be used.`, { cause });
    });
    if (version < OLDEST_POSTGRES) {
      throw new StoreError(`The database is PostgreSQL ${Math.floor(version / 10_000)}; Leadline needs version 15 or newer.`);
    }
    const secrets = createSecretBox(config.MASTER_KEY ?? masterKeyFile(config.DATA_DIR));
    await tryMasterKey(db, secrets, config);
    return { house: { db, clock: systemClock, secrets, settings: settingsOf(config) }, connection, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Such as `db.example.com:5432/leadline`. */
const withoutPassword = (url: string): string => `${new URL(url).host}${new URL(url).pathname}`;

const settingsOf = (config: Config): House["settings"] => ({
  mail: config.SMTP_URL !== undefined,
  queueHours: config.QUEUE_HOURS,
  recordingsDir: config.RECORDINGS_DIR ?? join(config.DATA_DIR, "recordings"),
});

/** Brings the database to this version of Leadline; returns what was applied. */
export async function migrateStore(house: Pick<House, "db">, log: Log): Promise<string[]> {
  const applied = await migrate(house.db.pool);
  await migrateJobs(house.db.pool, log);
  return applied;
}

export async function postgresVersion(house: Pick<House, "db">): Promise<number> {
  const { rows } = await house.db.pool.query<{ version: number }>("select current_setting('server_version_num')::int as version");
  return rows[0]?.version ?? 0;
}

/** A key of another installation would do its harm late: at the first webhook that cannot be signed. */
async function tryMasterKey(db: Db, secrets: SecretBox, config: Config): Promise<void> {
  const { rows: tables } = await db.pool.query<{ there: boolean }>("select to_regclass('workspaces') is not null as there");
  if (!tables[0]?.there) return;
  const { rows } = await db.pool.query<{ webhook_secret: Buffer }>("select webhook_secret from workspaces limit 1");
  try {
    for (const { webhook_secret } of rows) secrets.open(webhook_secret);
  } catch {
    const where = config.MASTER_KEY ? "MASTER_KEY" : `The master key ${masterKeyPath(config.DATA_DIR)}`;
    const advice = "Put that one back; every machine needs the same.";
    throw new StoreError(`${where} is not the one that the secrets in the database were encrypted with. ${advice}`);
  }
}

const LEAST_KEY_CHARACTERS = 32;

export const masterKeyPath = (dataDir: string): string => join(dataDir, "master.key");

/** The generated master key. Two processes that start at once end up with one. */
function masterKeyFile(dataDir: string): string {
  const file = masterKeyPath(dataDir);
  createFile(file, `${randomBytes(32).toString("hex")}\n`);
  const key = readFileSync(file, "utf8").trim();
  if (key.length < LEAST_KEY_CHARACTERS) throw new StoreError(`The master key ${file} is damaged. Put it back from a backup.`);
  return key;
}
