import { after } from "node:test";
import pg from "pg";
import type { Connection } from "../../src/platform/postgres/database.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { temporaryFolder } from "./support.ts";

export interface OwnStore {
  /** For commands. */
  env: Record<string, string>;
  connection: Connection;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** A migrated database for the commands of one test file, which is dropped after its tests. */
export async function ownStore(): Promise<OwnStore> {
  const { connection, drop } = await createTestDatabase();
  after(drop);
  const { host, user, database } = connection;
  return {
    env: {
      DATABASE_URL: `postgres:///${database}?host=${encodeURIComponent(host ?? "")}&user=${user}`,
      DATA_DIR: temporaryFolder(),
      MASTER_KEY: "the same for every command, and long",
      PORT: "0",
    },
    connection,
    async query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) {
      const client = new pg.Client(connection);
      await client.connect();
      return (await client.query<Row>(sql, values).finally(() => client.end())).rows;
    },
  };
}
