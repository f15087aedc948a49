import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { House } from "../../core/context.ts";
import { pendingMigrations } from "../../platform/postgres/migrate.ts";
import { openStore, postgresVersion } from "../../store.ts";
import { sentence } from "../report.ts";
import { quietLog } from "../session.ts";
import { type Finding, note, ok, problem } from "./finding.ts";

const ABOUT = "database";

/**
 * Opens it as any command does, which also tries the master key; an embedded one that was never started is left alone.
 * `inside`: what else is to be looked at, once it is known to be current.
 */
export async function checkDatabase(config: Config, inside: (house: House) => Promise<Finding[]>): Promise<Finding[]> {
  if (!config.DATABASE_URL && !existsSync(join(config.DATA_DIR, "postgres"))) {
    return [note(ABOUT, "The embedded PostgreSQL is made at the first start.")];
  }
  try {
    const store = await openStore(config, "command", quietLog(config));
    try {
      const version = await postgresVersion(store.house);
      const kind = config.DATABASE_URL ? "of DATABASE_URL" : "embedded";
      const pending = await pendingMigrations(store.house.db.pool);
      const found = ok(ABOUT, `PostgreSQL ${Math.floor(version / 10_000)}.${version % 10_000}, ${kind}`);
      if (pending.length > 0) return [found, problem("migrations", `The database lacks ${pending.join(", ")}. Run: leadline migrate`)];
      return [found, ok("migrations", "current"), ...(await inside(store.house))];
    } finally {
      await store.close();
    }
  } catch (error) {
    return [problem(ABOUT, sentence(error))];
  }
}
