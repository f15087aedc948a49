import { type Role, startApp } from "../../src/app.ts";
import { readConfig } from "../../src/config.ts";
import { createLog } from "../../src/platform/log.ts";
import { openStore } from "../../src/store.ts";

/** The server of a benchmark: `server.ts ROLE,ROLE`; prints its URL. */
const config = readConfig(process.env);
const log = createLog(config.LOG_LEVEL);
const store = await openStore(config, "server", log);
const app = await startApp(config, store, (process.argv[2] ?? "api").split(",") as Role[], log);
console.log(app.url);
process.once("SIGTERM", async () => {
  await app.close();
  await store.close();
});
