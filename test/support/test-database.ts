import { randomBytes } from "node:crypto";
import pg from "pg";
import type { Connection } from "../../src/platform/postgres/database.ts";

/** A migrated database of its own; `drop` ends whoever still uses it. */
export async function createTestDatabase(): Promise<{ connection: Connection; drop(): Promise<void> }> {
  const text = process.env.TEST_DATABASE;
  if (!text) throw new Error("Run the tests with npm test, or node --test with --test-global-setup=test/support/global-setup.ts");
  const server = JSON.parse(text) as Connection;
  const name = `test_${randomBytes(6).toString("hex")}`;
  const admin = async (sql: string) => {
    const client = new pg.Client(server);
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  // The files of the template are copied: by default every page of it goes through the log.
  await admin(`create database ${name} template template_leadline strategy file_copy`);
  // However slow this machine is.
  return {
    connection: { ...server, database: name, connectionTimeoutMillis: 60_000 },
    drop: () => admin(`drop database ${name} with (force)`),
  };
}
