import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, constants, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { identity, type OsUser } from "./os-user.ts";

/** Where the pieces of one embedded cluster are. */
export interface Cluster {
  binaries: string;
  data: string;
  /** Folder of the unix socket. */
  run: string;
  logFile: string;
  user: OsUser;
}

const SOCKET = ".s.PGSQL.5432";

/** The process id of the cluster's running postmaster. A pid file left by a killed one, its number maybe reused since, does not count. */
export function runningPostmaster(cluster: Cluster): number | undefined {
  const file = join(cluster.data, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  return Number.isInteger(pid) && isPostmaster(pid, cluster.data) ? pid : undefined;
}

/** Whether somebody listens on the cluster's socket; a postmaster of another container has no process id here, but that. */
export function answers(cluster: Cluster): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(join(cluster.run, SOCKET));
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

function isPostmaster(pid: number, data: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform !== "linux") return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes(data);
  } catch {
    return false;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  // A killed process that nobody has waited for yet still takes signals.
  if (process.platform !== "linux") return true;
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Removes what a killed postmaster leaves behind. Call only when none runs. */
export function clearStaleFiles(cluster: Cluster): void {
  rmSync(join(cluster.data, "postmaster.pid"), { force: true });
  rmSync(join(cluster.run, SOCKET), { force: true });
  rmSync(join(cluster.run, `${SOCKET}.lock`), { force: true });
}

/**
 * Starts a postmaster in a session of its own (a Ctrl-C in our terminal must not reach it before we have drained), on a
 * unix socket only, with the durability settings at their safe defaults.
 */
export function spawnPostmaster(cluster: Cluster, settings: Record<string, string>): ChildProcess {
  // The folder is PostgreSQL's user's: root does not follow a link that this user may have put there.
  const log = openSync(cluster.logFile, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const child = spawn(
      join(cluster.binaries, "bin", "postgres"),
      [
        "-D",
        cluster.data,
        "-k",
        // It is a list, in which a name with a comma has to be quoted.
        `"${cluster.run.replaceAll('"', '""')}"`,
        "-c",
        "listen_addresses=",
        ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      ],
      { ...identity(cluster.user), cwd: cluster.data, detached: true, stdio: ["ignore", log, log], env: { LC_ALL: "C", TZ: "UTC" } },
    );
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** Makes a new cluster in `data`, which must not exist or be empty. */
export async function initCluster(cluster: Cluster, data: string, superuser: string): Promise<void> {
  const child = spawn(
    join(cluster.binaries, "bin", "initdb"),
    [
      "-D",
      data,
      "-U",
      superuser,
      "--auth=peer",
      "--encoding=UTF8",
      "--locale-provider=builtin",
      "--builtin-locale=C.UTF-8",
      "--no-locale",
      "--no-instructions",
    ],
    { ...identity(cluster.user), cwd: "/", stdio: ["ignore", "ignore", "pipe"], env: { LC_ALL: "C", TZ: "UTC" } },
  );
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`initdb could not make the database: ${complaint.trim()}`);
}

/** Fast shutdown (open sessions are rolled back); after `patienceMs` an immediate one, from which the next start recovers. */
export async function stopPostmaster(pid: number, patienceMs: number): Promise<void> {
  kill(pid, "SIGINT");
  if (await gone(pid, patienceMs)) return;
  kill(pid, "SIGQUIT");
  await gone(pid, 5_000);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function gone(pid: number, withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (Date.now() < deadline) {
    if (!isAlive(pid)) return true;
    await sleep(20);
  }
  return !isAlive(pid);
}
