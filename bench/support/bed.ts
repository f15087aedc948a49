import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readConfig } from "../../src/config.ts";
import { createKey } from "../../src/core/api-keys/createKey.ts";
import type { Context } from "../../src/core/context.ts";
import { SCOPES } from "../../src/core/scopes.ts";
import { createWorkspace } from "../../src/core/workspaces/createWorkspace.ts";
import { migrateJobs } from "../../src/platform/jobs/jobs.ts";
import { createLog } from "../../src/platform/log.ts";
import { migrate } from "../../src/platform/postgres/migrate.ts";
import { openStore, type Store } from "../../src/store.ts";

/** A store with the real durability settings in a folder of its own, a tenant in it, and the server as a second process. */
export interface Bed {
  store: Store;
  ctx: Context;
  token: string;
  url: string;
  /** Folder of the database's unix socket. */
  socket: string;
  close(): Promise<void>;
}

export async function openBed(options: { roles: string; callLimit?: number; environment?: Record<string, string> }): Promise<Bed> {
  const folder = mkdtempSync(join(tmpdir(), "leadline-bench-"));
  chmodSync(folder, 0o755);
  const environment = { DATA_DIR: folder, RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: "warn", ...options.environment };
  const log = createLog("warn");
  const store = await openStore(readConfig(environment), "command", log);
  await migrate(store.house.db.pool);
  await migrateJobs(store.house.db.pool, log);
  const { workspace } = await createWorkspace(store.house, {
    name: "Bench",
    timeZone: "UTC",
    country: "DE",
    callLimit: options.callLimit ?? 10,
  });
  const { token } = await createKey(store.house, {
    kind: "workspace",
    dialect: "topcalls",
    owner: { workspaceId: workspace.id },
    name: "bench",
    scopes: SCOPES,
    mint: () => `tc_live_${"0".repeat(24)}${process.pid}`,
  });
  const server = spawn(process.execPath, [new URL("server.ts", import.meta.url).pathname, options.roles], {
    env: { ...process.env, ...environment, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    createInterface(server.stdout).once("line", resolve);
    server.once("exit", () => reject(new Error("the server did not start")));
  });
  return {
    store,
    ctx: { ...store.house, workspace, actor: { keyId: null, scopes: new Set(SCOPES) } },
    token,
    url,
    socket: String(store.connection.host),
    async close() {
      const ended = new Promise((resolve) => server.once("exit", resolve));
      server.kill("SIGTERM");
      await ended;
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A program of the machine; says what to install when it is missing. */
export function need(program: string, debianPackage: string): string {
  if (spawnSync(program, ["--version"], { stdio: "ignore" }).error) {
    throw new Error(`This benchmark needs ${program}: apt-get install ${debianPackage}`);
  }
  return program;
}

export function run(program: string, args: readonly string[], environment: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] });
    let out = "";
    let complaint = "";
    child.stdout.on("data", (text) => {
      out += text;
    });
    child.stderr.on("data", (text) => {
      complaint += text;
    });
    child.once("error", reject);
    child.once("close", (code) => (code === 0 ? resolve(out) : reject(new Error(`${program} failed: ${complaint}`))));
  });
}

/** Upserts per second of `pgbench -M prepared -c 16` on the table `bench_upsert`: what the machine and PostgreSQL can do. */
export async function bareUpsert(pgbench: string, socket: string, seconds: number): Promise<number> {
  const script = new URL("upsert.sql", import.meta.url).pathname;
  const out = await run(pgbench, [
    "-h",
    socket,
    "-U",
    "leadline",
    "-M",
    "prepared",
    "-c",
    "16",
    "-j",
    "2",
    "-n",
    "-T",
    String(seconds),
    "-f",
    script,
    "leadline",
  ]);
  return Number(/tps = ([\d.]+)/.exec(out)?.[1]);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
