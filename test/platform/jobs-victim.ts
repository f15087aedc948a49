import { startJobs } from "../../src/platform/jobs/jobs.ts";
import { createLog } from "../../src/platform/log.ts";
import { openDatabase } from "../../src/platform/postgres/database.ts";

// A worker that takes a job, says so and never finishes it, for a test that kills it.
const log = createLog("silent");
const db = openDatabase({ connection: JSON.parse(process.env.CONNECTION ?? "{}"), maxConnections: 3, log });
const never = () => new Promise<void>(() => undefined);
await startJobs({
  pool: db.pool,
  log,
  workers: 1,
  tasks: {
    send_mail: never,
    clean_up: never,
    clean_up_recordings: never,
    deliver_webhook() {
      process.stdout.write("taken\n");
      return never();
    },
  },
});
