import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "./config.ts";
import type { House } from "./core/context.ts";
import type { Tables } from "./core/tables.ts";
import { systemClock } from "./platform/clock.ts";
import type { Log } from "./platform/log.ts";
import { type Connection, openDatabase } from "./platform/postgres/database.ts";
import { openEmbedded, type Tenancy } from "./platform/postgres/embedded/embedded.ts";
import { createSecretBox } from "./platform/secrets.ts";

export interface Store {
  house: House;
  connection: Connection;
  close(): Promise<void>;
}

/** Opens the database that the configuration names, starting the embedded one if need be, and what every verb stands on. */
export async function openStore(config: Config, tenancy: Tenancy, log: Log): Promise<Store> {
  const embedded = config.DATABASE_URL ? undefined : await openEmbedded({ dataDir: config.DATA_DIR, tenancy, log });
  const connection = embedded?.connection ?? { connectionString: config.DATABASE_URL };
  const db = openDatabase<Tables>({ connection, maxConnections: config.DATABASE_CONNECTIONS, log });
  const secrets = createSecretBox(config.MASTER_KEY ?? masterKeyFile(config.DATA_DIR));
  return {
    house: { db, clock: systemClock, secrets, settings: { mail: config.SMTP_URL !== undefined, queueHours: config.QUEUE_HOURS } },
    connection,
    async close() {
      await db.close();
      await embedded?.close();
    },
  };
}

/** The generated master key. Made whole under another name and then linked, so that two processes cannot make two. */
function masterKeyFile(dataDir: string): string {
  const file = join(dataDir, "master.key");
  mkdirSync(dataDir, { recursive: true });
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600 });
  try {
    linkSync(mine, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(mine);
  }
  return readFileSync(file, "utf8").trim();
}
