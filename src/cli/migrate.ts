import { Command } from "commander";
import { readConfig } from "../config.ts";
import { migrateStore, openStore } from "../store.ts";
import { print, quietLog } from "./session.ts";

export const migrateCommand = (): Command =>
  new Command("migrate")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  DATABASE_URL=postgres://leadline@db.example.com/leadline leadline migrate")
    .action(async (options: { json?: boolean }) => {
      const config = readConfig(process.env);
      const log = quietLog(config);
      const store = await openStore(config, "command", log);
      const applied = await migrateStore(store.house, log).finally(store.close);
      const text = applied.length > 0 ? `Applied: ${applied.join(", ")}` : "The database is current.";
      print({ json: { applied }, text }, options);
    });
