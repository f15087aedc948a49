import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { migrateJobs } from "../../src/platform/jobs/jobs.ts";
import { createLog } from "../../src/platform/log.ts";
import { openDatabase } from "../../src/platform/postgres/database.ts";
import { type EmbeddedPostgres, openEmbedded } from "../../src/platform/postgres/embedded/embedded.ts";
import { migrate } from "../../src/platform/postgres/migrate.ts";
import { installMissing } from "./debian-packages.ts";

let embedded: EmbeddedPostgres | undefined;
let folder: string | undefined;

/** One real PostgreSQL for the whole run, with a migrated template that each test file copies. */
export async function globalSetup(): Promise<void> {
  installMissing();
  folder = mkdtempSync(join("/tmp", "leadline-test-"));
  chmodSync(folder, 0o755);
  const log = createLog("warn");
  embedded = await openEmbedded({
    dataDir: folder,
    tenancy: "server",
    log,
    // Tests of durability start servers of their own, with the real settings.
    settings: {
      fsync: "off",
      synchronous_commit: "off",
      full_page_writes: "off",
      max_connections: "300",
      // Databases here live for seconds.
      autovacuum: "off",
    },
  });
  const admin = new pg.Client(embedded.connection);
  await admin.connect();
  await admin.query("create database template_leadline");
  await admin.end();
  const db = openDatabase({ connection: { ...embedded.connection, database: "template_leadline" }, maxConnections: 2, log });
  await migrate(db.pool);
  await migrateJobs(db.pool, log);
  await db.close();
  // Each test file is a process of its own, and most load the whole product: the cache that `leadline` keeps serves them too.
  process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../../node_modules/.cache/leadline", import.meta.url));
  process.env.TEST_DATABASE = JSON.stringify(embedded.connection);
}

export async function globalTeardown(): Promise<void> {
  await embedded?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
}
