import { createHash } from "node:crypto";
import {
  accessSync,
  appendFileSync,
  chmodSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { makeFolders } from "../../files.ts";
import type { Log } from "../../log.ts";
import type { Connection } from "../database.ts";
import { giveTo, installBinaries } from "./binaries.ts";
import { canEnter, type OsUser, ownerOf, postgresUser } from "./os-user.ts";
import {
  answers,
  type Cluster,
  clearStaleFiles,
  initCluster,
  isAlive,
  runningPostmaster,
  spawnPostmaster,
  stopPostmaster,
} from "./postmaster.ts";

/** `server`: the one `leadline start` of a data directory. `command`: any other command beside it. */
export type Tenancy = "server" | "command";

export interface EmbeddedPostgres {
  connection: Connection;
  /** Leaves; the last process to leave stops PostgreSQL. */
  close(): Promise<void>;
}

/** Another `leadline start` runs on this data directory. */
export class AlreadyRunning extends Error {}

const DATABASE = "leadline";
const SUPERUSER = "leadline";
/** Advisory locks of the embedded database: everybody holds PRESENCE shared, the server also holds SERVER. */
const PRESENCE = 7_313_220_002;
const SERVER = 7_313_220_003;
/** Crash recovery may take long; a postmaster that gives up at once, time after time, may not. */
const START_TIMEOUT_MS = 60_000;
const GIVING_UP_TIMEOUT_MS = 15_000;
const STOP_PATIENCE_MS = 1_700;
/** PostgreSQL may need a moment to see that a killed server is gone. */
const SERVER_LOCK_TRIES = 10;
const SERVER_LOCK_RETRY_MS = 100;
/** sun_path holds 108 bytes on Linux and 104 on macOS, and the socket's file name takes 15. */
const LONGEST_SOCKET_FOLDER = 85;

const SETTINGS = {
  max_connections: "100",
  shared_buffers: "256MB",
  max_wal_size: "2GB",
  checkpoint_completion_target: "0.9",
  wal_compression: "pglz",
  jit: "off",
  // A young table grows fast: let its statistics, and with them the plans, follow.
  autovacuum_naptime: "10s",
  log_min_messages: "warning",
  log_timezone: "UTC",
  timezone: "UTC",
} as const;

/**
 * The PostgreSQL of one data directory: installs it, initialises it, starts it or joins the one that runs (also one that
 * a killed server left behind), and keeps it running. Throws `AlreadyRunning` for a second server.
 */
export async function openEmbedded(options: {
  dataDir: string;
  tenancy: Tenancy;
  log: Log;
  settings?: Record<string, string>;
}): Promise<EmbeddedPostgres> {
  const cluster = await prepare(options.dataDir, options.log);
  const settings = { ...SETTINGS, ...options.settings };
  const connection: Connection = { host: cluster.run, user: SUPERUSER, database: DATABASE };

  let presence = await startOrJoin(cluster, settings, connection, options);
  let closing = false;
  let rejoining: Promise<void> | undefined;

  const watch = (client: pg.Client) => {
    client.on("error", () => undefined);
    client.on("end", () => {
      if (closing || client !== presence) return;
      options.log.error("the embedded PostgreSQL went away; starting it again");
      rejoining = (async () => {
        while (!closing) {
          try {
            presence = await startOrJoin(cluster, settings, connection, options);
            watch(presence);
            options.log.info("the embedded PostgreSQL is back");
            return;
          } catch (error) {
            options.log.error({ err: error }, "the embedded PostgreSQL does not start; trying again");
            await sleep(1_000);
          }
        }
      })();
    });
  };
  watch(presence);

  return {
    connection,
    async close() {
      closing = true;
      await rejoining;
      await leave(cluster, presence);
    },
  };
}

/** Makes the folders, the programs and the cluster, each only when it is not there yet. */
async function prepare(dataDir: string, log: Log): Promise<Cluster> {
  prepareFolder(resolve(dataDir));
  // One name for one folder, however it was reached: the socket's folder and the check for a running server go by it.
  const base = realpathSync(dataDir);
  const home = join(base, "postgres");
  const user = existsSync(home) ? ownerOf(home) : postgresUser();
  if (!canEnter(user, base)) {
    throw new Error(
      `DATA_DIR ${base} cannot be reached by the user ${user.name}, who runs PostgreSQL because root may not. Choose a folder outside private homes, such as /var/lib/leadline.`,
    );
  }
  if (!existsSync(home)) {
    mkdirSync(home, { mode: 0o700 });
    giveTo(user, home);
  }
  removePartials(home);
  const binaries = await installBinaries(home, user);
  const run = socketFolder(home, user);
  const cluster: Cluster = { binaries, data: join(home, "data"), run, logFile: join(home, "postgres.log"), user };
  if (!existsSync(join(cluster.data, "PG_VERSION"))) await createCluster(cluster, log);
  return cluster;
}

/** PostgreSQL's user, when it is not ours, may pass through the folders we make on the way, whatever our umask. */
function prepareFolder(base: string): void {
  // initdb passes its own path through a shell, in double quotes.
  if (/["$`\\\n\r]/.test(base)) throw new Error(`DATA_DIR ${base} must not hold any of " $ \` \\ or a line break.`);
  try {
    const made = makeFolders(base);
    if (process.getuid?.() === 0) for (const path of made) chmodSync(path, 0o755);
    accessSync(base, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new Error(`DATA_DIR ${base} cannot be written. Choose another folder, or make it one of the user who runs Leadline.`, { cause });
  }
}

/** What a first start that was killed left behind. */
function removePartials(home: string): void {
  for (const name of readdirSync(home)) {
    const pid = /\.(\d+)\.partial$/.exec(name)?.[1];
    if (pid && !isAlive(Number(pid))) rmSync(join(home, name), { recursive: true, force: true });
  }
}

/** Beside the data; in /tmp when that path is too long for a socket. There it has to be ours, as anybody could have made it. */
function socketFolder(home: string, user: OsUser): string {
  const beside = join(home, "run");
  const short = `/tmp/leadline-${createHash("sha256").update(home).digest("hex").slice(0, 16)}`;
  const run = Buffer.byteLength(beside) <= LONGEST_SOCKET_FOLDER ? beside : short;
  if (!existsSync(run)) {
    mkdirSync(run, { mode: 0o700 });
    giveTo(user, run);
  }
  if (lstatSync(run).uid !== user.uid) throw new Error(`${run} does not belong to the user ${user.name}, who runs PostgreSQL. Remove it.`);
  return run;
}

/** initdb in a folder beside, then one rename: a first start that is killed leaves nothing half-made. */
async function createCluster(cluster: Cluster, log: Log): Promise<void> {
  log.info({ folder: cluster.data }, "initialising the embedded PostgreSQL");
  const partial = `${cluster.data}.${process.pid}.partial`;
  rmSync(partial, { recursive: true, force: true });
  await initCluster(cluster, partial, SUPERUSER);
  const names = new Set(["root", cluster.user.name]);
  appendFileSync(join(partial, "pg_ident.conf"), [...names].map((name) => `leadline ${name} ${SUPERUSER}\n`).join(""));
  const hba = join(partial, "pg_hba.conf");
  rmSync(hba);
  appendFileSync(hba, "local all all peer map=leadline\n");
  giveTo(cluster.user, hba);
  chmodSync(hba, 0o600);
  try {
    renameSync(partial, cluster.data);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    if (!existsSync(join(cluster.data, "PG_VERSION"))) throw error;
  }
}

/** Starts PostgreSQL unless it runs, and takes the locks of our tenancy on a connection that is kept. */
async function startOrJoin(
  cluster: Cluster,
  settings: Record<string, string>,
  connection: Connection,
  options: { tenancy: Tenancy; log: Log },
): Promise<pg.Client> {
  const begun = Date.now();
  let exited: number | null | undefined;
  for (let started = false; ; ) {
    const nobodyRuns = () => runningPostmaster(cluster) === undefined;
    if (!nobodyRuns()) exited = undefined;
    // Looked at once more after the wait, so that the files of one that has just started are not taken for stale.
    if (!started && nobodyRuns() && !(await answers(cluster)) && nobodyRuns()) {
      clearStaleFiles(cluster);
      const child = spawnPostmaster(cluster, settings);
      started = true;
      exited = undefined;
      child.on("exit", (code) => {
        exited = code ?? -1;
      });
      child.on("error", () => {
        exited = -1;
      });
    }
    try {
      return await takeLocks(connection, options.tenancy);
    } catch (error) {
      if (error instanceof AlreadyRunning) throw error;
      if (Date.now() - begun > (exited === undefined ? START_TIMEOUT_MS : GIVING_UP_TIMEOUT_MS)) {
        throw new Error(`The embedded PostgreSQL does not answer. Its log: ${cluster.logFile}\n${tail(cluster.logFile)}`, { cause: error });
      }
      // It gave up: another process won the race to start it, or remains of a killed one are still ending. Look again.
      if (exited !== undefined) started = false;
      await sleep(exited === undefined ? 25 : 200);
    }
  }
}

async function takeLocks(connection: Connection, tenancy: Tenancy): Promise<pg.Client> {
  await createDatabase(connection);
  const client = new pg.Client({ ...connection, application_name: `leadline ${tenancy} (pid ${process.pid})` });
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock_shared($1)", [PRESENCE]);
    if (tenancy === "server") await takeServerLock(client);
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

async function takeServerLock(client: pg.Client): Promise<void> {
  for (let tries = 1; ; tries++) {
    const { rows } = await client.query<{ held: boolean }>("select pg_try_advisory_lock($1) as held", [SERVER]);
    if (rows[0]?.held) return;
    if (tries === SERVER_LOCK_TRIES) throw new AlreadyRunning("Leadline already runs on this data directory.");
    await sleep(SERVER_LOCK_RETRY_MS);
  }
}

async function createDatabase(connection: Connection): Promise<void> {
  const client = new pg.Client({ ...connection, database: "postgres" });
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } catch (error) {
    const DUPLICATE = new Set(["42P04", "23505"]);
    if (!(error instanceof pg.DatabaseError && DUPLICATE.has(error.code ?? ""))) throw error;
  } finally {
    await client.end();
  }
}

async function leave(cluster: Cluster, presence: pg.Client): Promise<void> {
  let last = false;
  try {
    await presence.query("select pg_advisory_unlock_shared($1)", [PRESENCE]);
    const { rows } = await presence.query<{ alone: boolean }>("select pg_try_advisory_lock($1) as alone", [PRESENCE]);
    last = rows[0]?.alone === true;
  } catch {
    last = runningPostmaster(cluster) === undefined;
  }
  const pid = last ? runningPostmaster(cluster) : undefined;
  // Stopped while we hold the lock: a process that wants to join waits for it, fails with us, and starts PostgreSQL anew.
  if (pid !== undefined && isAlive(pid)) await stopPostmaster(pid, STOP_PATIENCE_MS);
  await presence.end().catch(() => undefined);
}

function tail(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(-12).join("\n") : "";
}
