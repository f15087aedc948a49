import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import type { Credentials } from "../../src/credentials.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface User {
  uid: number;
  gid: number;
}

interface Options {
  env?: Record<string, string>;
  user?: User;
  cwd?: string;
}

const folders: string[] = [];
const servers = new Set<Server>();

after(async () => {
  for (const server of servers) await server.stop();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed after the file's tests, and that the user who runs PostgreSQL can reach. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join("/tmp", "leadline-cli-"));
  chmodSync(folder, 0o755);
  folders.push(folder);
  return folder;
}

function run(args: readonly string[], { env = {}, user, cwd }: Options) {
  // Nothing of our own environment but what finds programs: settings are the test's.
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(user ?? {}),
    ...(cwd ? { cwd } : {}),
  });
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.err += text;
  });
  const ended = once(child, "close").then(([code]) => code as number | null);
  return { child, output, ended };
}

/** Runs a command to its end. */
export async function leadline(args: readonly string[], options: Options = {}): Promise<{ code: number | null; out: string; err: string }> {
  const { output, ended } = run(args, options);
  return { code: await ended, ...output };
}

/** A command that must do well, and print one JSON value and nothing else. */
export async function leadlineJson<T>(args: readonly string[], options: Options = {}): Promise<T> {
  const { code, out, err } = await leadline([...args, "--json"], options);
  assert.equal(code, 0, err);
  assert.equal(err, "");
  return JSON.parse(out) as T;
}

export interface Server {
  url: string;
  pid: number;
  output: { out: string; err: string };
  /** Until it said that it is ready. */
  startMs: number;
  /** Sends the signal and waits for the end; its exit code, null when it was killed. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
  ended: Promise<number | null>;
}

const START_PATIENCE_MS = 60_000;

/** `leadline start` on a free port, ready; it is stopped after the file's tests if it still runs. */
export async function startServer(env: Record<string, string>, options: Omit<Options, "env"> & { args?: string[] } = {}): Promise<Server> {
  const begun = performance.now();
  const { child, output, ended } = run(["start", ...(options.args ?? [])], { ...options, env: { PORT: "0", ...env } });
  const server: Server = {
    url: "",
    pid: child.pid ?? 0,
    output,
    startMs: 0,
    stop(signal = "SIGTERM") {
      child.kill(signal);
      return ended;
    },
    kill: (signal) => void child.kill(signal),
    ended,
  };
  servers.add(server);
  void ended.then(() => servers.delete(server));
  while (!/is ready.*\n/.test(output.out)) {
    if (child.exitCode !== null) throw new Error(`leadline start ended: ${output.err}`);
    if (performance.now() - begun > START_PATIENCE_MS) throw new Error(`leadline start is not ready: ${output.err}`);
    await Promise.race([once(child.stdout, "data"), once(child.stderr, "data"), ended]);
  }
  server.url = /is ready.*: (http\S+)/.exec(output.out)?.[1] ?? "";
  server.startMs = performance.now() - begun;
  return server;
}

export const credentialsOf = (dataDir: string): Credentials =>
  JSON.parse(readFileSync(join(dataDir, "credentials.json"), "utf8")) as Credentials;

/** Whether the data directory's PostgreSQL was left running, or not shut down. */
export const databaseRuns = (dataDir: string): boolean => existsSync(join(dataDir, "postgres", "data", "postmaster.pid"));

/** The processes that a process has started, as Linux tells. */
export const childrenOf = (pid: number): Array<{ pid: number; command: string }> =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map((child) => ({ pid: Number(child), command: readFileSync(`/proc/${child}/cmdline`, "utf8").replaceAll("\0", " ") }));

/** The process in which a server carries calls; undefined while it has none. */
export const voiceOf = (pid: number): { pid: number; command: string } | undefined =>
  childrenOf(pid).find(({ command }) => command.includes(" voice"));

/** A request with a key. */
export const ask = (url: string, key: string, body?: unknown): Promise<Response> =>
  fetch(url, {
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });

/** Its body, which the caller knows to be T. */
export async function jsonOf<T>(response: Response | Promise<Response>): Promise<T> {
  return (await (await response).json()) as T;
}
