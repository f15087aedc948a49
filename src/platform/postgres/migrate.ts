import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import type pg from "pg";

export interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

const DIRECTORY = new URL("../../../migrations/", import.meta.url);
/** One migrator at a time in a database; the number is arbitrary but never changes. */
const LOCK = 7_313_220_001;

export async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(DIRECTORY)).filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, DIRECTORY), "utf8");
      return { name, sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

/** Applies every migration that the database lacks, each in its own transaction, and returns their names. */
export async function migrate(pool: pg.Pool): Promise<string[]> {
  const migrations = await readMigrations();
  const client = await pool.connect();
  try {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    await client.query(
      "create table if not exists schema_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())",
    );
    const { rows } = await client.query<{ name: string; checksum: string }>("select name, checksum from schema_migrations");
    const applied = new Map(rows.map((row) => [row.name, row.checksum]));
    const newer = [...applied.keys()].filter((name) => !migrations.some((migration) => migration.name === name));
    if (newer.length > 0)
      throw new Error(`A newer version of Leadline has been here: the database has ${newer.join(", ")}. Run that version.`);
    const done: string[] = [];
    for (const migration of migrations) {
      const checksum = applied.get(migration.name);
      if (checksum === undefined) {
        await applyOne(client, migration);
        done.push(migration.name);
      } else if (checksum !== migration.checksum) {
        throw new Error(`Migration ${migration.name} was changed after it had been applied to this database.`);
      }
    }
    return done;
  } finally {
    await client.query("select pg_advisory_unlock($1)", [LOCK]).catch(() => undefined);
    client.release();
  }
}

async function applyOne(client: pg.PoolClient, migration: Migration): Promise<void> {
  try {
    await client.query("begin");
    await client.query(migration.sql);
    await client.query("insert into schema_migrations (name, checksum) values ($1, $2)", [migration.name, migration.checksum]);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw new Error(`Migration ${migration.name} failed.`, { cause: error });
  }
}

/** Names of the migrations that the database lacks; all of them when it has never been migrated. */
export async function pendingMigrations(pool: pg.Pool): Promise<string[]> {
  const names = (await readMigrations()).map((migration) => migration.name);
  const { rows: found } = await pool.query<{ exists: boolean }>("select to_regclass('schema_migrations') is not null as exists");
  if (!found[0]?.exists) return names;
  const { rows } = await pool.query<{ name: string }>("select name from schema_migrations");
  const applied = new Set(rows.map((row) => row.name));
  return names.filter((name) => !applied.has(name));
}
