import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, Option } from "commander";
import type { App } from "../app.ts";
import { type Config, readConfig, withPort } from "../config.ts";
import type { House } from "../core/context.ts";
import { findWorkspace } from "../core/workspaces/findWorkspace.ts";
import { type Credentials, readCredentials, writeCredentials } from "../credentials.ts";
import { seedDemo } from "../demo.ts";
import { isErrno } from "../platform/files.ts";
import { createLog, type Log } from "../platform/log.ts";
import { AlreadyRunning } from "../platform/postgres/embedded/embedded.ts";
import { ROLES, type Role } from "../roles.ts";
import { migrateStore, openStore, type Store } from "../store.ts";
import { Complaint } from "./complaint.ts";
import { stopRequest } from "./stop-request.ts";
import { startVoiceProcess } from "./voice-process.ts";
import { welcome } from "./welcome.ts";

type AskedRole = Role | "all";

/** The roles get this long, so that the database can still be stopped within the five seconds. */
const DRAIN_MS = 2_500;

const HELP = `
With DATABASE_URL any number of processes, on any number of machines, can share the work; without it one command does
everything, with a PostgreSQL of its own.

Examples:
  leadline start
  DATABASE_URL=postgres://leadline@db.example.com/leadline leadline start --role api
  DATABASE_URL=postgres://leadline@db.example.com/leadline leadline start --role dispatcher --role voice --role jobs`;

export const startCommand = (): Command =>
  new Command("start")
    .addOption(new Option("--role <role...>", "what this process does; one or more").choices([...ROLES, "all"]).default(["all"], "all"))
    .addHelpText("after", HELP)
    .action((options: { role: AskedRole[] }) => start(options.role));

async function start(asked: readonly AskedRole[]): Promise<void> {
  const config = readConfig(process.env);
  const log = createLog(config.LOG_LEVEL);
  const stop = stopRequest((error) => log.fatal({ err: error }, "unexpected error; stopping"));
  const roles = ROLES.filter((role) => asked.includes(role) || asked.includes("all"));
  if (!config.DATABASE_URL && roles.length < ROLES.length) {
    log.warn("other roles cannot join this process: they need a database that all share; set DATABASE_URL");
  }
  // What takes long to load is loaded while the database starts.
  const http = roles.includes("api") ? import("../dialects/server.ts") : undefined;
  const [store, { startApp }] = await Promise.all([openAsServer(config, log), import("../app.ts"), http]);
  // Only once nobody else is known to run here.
  const here = roles.filter((role) => role !== "voice");
  const voice = roles.includes("voice") ? startVoiceProcess(log, stop, { alone: here.length === 0 }) : undefined;
  try {
    if (!stop.aborted) await migrateStore(store.house, log);
    if (!stop.aborted) {
      const [{ app, credentials, address }] = await Promise.all([
        serve(config, store, roles, (ready) => startApp(ready, store, here, log)),
        voice?.begin(),
      ]);
      process.stdout.write(welcome({ config: address, roles, credentials, terminal: process.stdout.isTTY }));
      if (!stop.aborted) await once(stop, "abort");
      log.info("stopping");
      await drain([app, ...(voice ? [voice] : [])], log);
    }
  } finally {
    await voice?.close();
    await store.close();
  }
  // Connections that were cut off while draining may still hold the process.
  process.exit();
}

async function openAsServer(config: Config, log: Log): Promise<Store> {
  try {
    return await openStore(config, "server", log);
  } catch (error) {
    if (!(error instanceof AlreadyRunning)) throw error;
    throw new Complaint(
      `Leadline already runs on DATA_DIR ${config.DATA_DIR}. Stop it, or choose another DATA_DIR; to share the work between processes, set DATABASE_URL.`,
    );
  }
}

interface Served {
  app: App;
  /** With the port that PORT=0 came to. */
  address: Config;
  credentials: Credentials | undefined;
}

async function serve(config: Config, store: Store, roles: readonly Role[], startApp: (config: Config) => Promise<App>): Promise<Served> {
  const api = roles.includes("api");
  for (let attempt = 1; ; attempt++) {
    // The credentials name the port, and are there before anyone can be served.
    const address = api && config.PORT === 0 ? withPort(config, await freePort(config.HOST)) : config;
    const credentials = await demoCredentials(address, store.house, api);
    try {
      return { app: await startApp(address), address, credentials };
    } catch (error) {
      const lost = address !== config && isErrno(error, "EADDRINUSE");
      if (!lost || attempt === 5) throw error;
    }
  }
}

async function freePort(host: string): Promise<number> {
  const probe = createServer().listen(0, host);
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}

/** Seeds an empty store. Undefined when the store is none that DATA_DIR's credentials are for. */
async function demoCredentials(config: Config, house: House, api: boolean): Promise<Credentials | undefined> {
  const seeded = await seedDemo(house, config.publicUrl, (credentials) => writeCredentials(config.DATA_DIR, credentials));
  const found = readCredentials(config.DATA_DIR);
  if (!found || seeded) return found;
  const workspace = await findWorkspace(house, found.workspace.uid);
  if (workspace?.id !== found.workspace.id) return undefined;
  if (!api || found.base_url === config.publicUrl) return found;
  const moved = { ...found, base_url: config.publicUrl };
  writeCredentials(config.DATA_DIR, moved);
  return moved;
}

async function drain(parts: ReadonlyArray<{ close(): Promise<void> }>, log: Log): Promise<void> {
  const closed = Promise.all(parts.map((part) => part.close()));
  const drained = await Promise.race([closed.then(() => true), sleep(DRAIN_MS, false, { ref: false })]);
  if (!drained) log.warn("some work did not end in time and is cut off");
}
