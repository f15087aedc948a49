import { randomBytes } from "node:crypto";
import { after } from "node:test";
import pg from "pg";
import type { Connection } from "../../src/platform/postgres/database.ts";
import { temporaryFolder } from "./support.ts";

export interface OwnStore {
  /** For commands. */
  env: Record<string, string>;
  connection: Connection;
  query<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
}

/** A migrated database for the commands of one test file, which is dropped after its tests. */
export async function ownStore(): Promise<OwnStore> {
  const server = JSON.parse(process.env.TEST_DATABASE ?? "{}") as Connection;
  const name = `test_${randomBytes(6).toString("hex")}`;
  const connection = { ...server, database: name };
  const asked = async <Row extends pg.QueryResultRow>(where: Connection, sql: string, values?: unknown[]): Promise<Row[]> => {
    const client = new pg.Client(where);
    await client.connect();
    return (await client.query<Row>(sql, values).finally(() => client.end())).rows;
  };
  await asked(server, `create database ${name} template template_leadline`);
  after(() => asked(server, `drop database ${name} with (force)`));
  return {
    env: {
      DATABASE_URL: `postgres:///${name}?host=${encodeURIComponent(server.host ?? "")}&user=${server.user}`,
      DATA_DIR: temporaryFolder(),
      MASTER_KEY: "the same for every command, and long",
      PORT: "0",
    },
    connection,
    query: (sql, values) => asked(connection, sql, values),
  };
}
