import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent, request } from "undici";
import { readConfig } from "../../src/config.ts";
import { readCredentials } from "../../src/credentials.ts";
import { createLog } from "../../src/platform/log.ts";
import { openStore, type Store } from "../../src/store.ts";
import { run } from "./bed.ts";
import { freePort } from "./free-port.ts";
import type { HeapSample } from "./heap-probe.ts";
import { now } from "./now.ts";
import { childOf } from "./process-usage.ts";

/** The product as people run it: `leadline start` on a data folder of its own, set up by its own command line. */
export interface Product {
  url: string;
  /** Opens the workspace, whatever the dialect. */
  token: string;
  /** The process that was started, and the one that carries calls. */
  pids: { main: number; voice: number };
  store: Store;
  /** A trunk to a UDP port of loopback, and a number on it to call from. */
  line(name: string, port: number): Promise<string>;
  /** Takes it away again. */
  removeLine(name: string): Promise<void>;
  agent(settings: Record<string, unknown>): Promise<string>;
  post(path: string, body: unknown): Promise<{ status: number; json: unknown }>;
  /** `POST /calls`, to a number that was not called before. */
  place(agentId: string, from: string): Promise<PlacedCall>;
  /** Heap of a process of `pids`, its garbage collected. */
  heap(pid: number): Promise<HeapSample>;
  /** Stops it, and starts it again on the same store. */
  restart(how: Manner): Promise<void>;
  close(): Promise<void>;
}

export interface PlacedCall {
  to: string;
  /** When the request was given to the socket, and when its answer had come, by `now()`. */
  postedMs: number;
  answeredMs: number;
}

/** `leadline start`, or all roles in one process, as it is not sold. */
export type Manner = "processes" | "one process";

const LEADLINE = fileURLToPath(new URL("../../bin/leadline", import.meta.url));
const SERVER = fileURLToPath(new URL("server.ts", import.meta.url));
const PROBE = new URL("heap-probe.ts", import.meta.url).href;
const CONNECTIONS = 64;
const START_MS = 60_000;

export async function openProduct(options: { callLimit: number }): Promise<Product> {
  const folder = mkdtempSync(join(tmpdir(), "leadline-bench-"));
  chmodSync(folder, 0o755);
  const environment = {
    DATA_DIR: folder,
    PORT: "0",
    // Calls that fail are counted; a line for each would cost more than the call.
    LOG_LEVEL: "error",
    RATE_LIMIT_PER_MINUTE: "0",
    SIP_LISTEN: `udp:127.0.0.1:${await freePort()}`,
    BENCH_PROBE: folder,
    NODE_OPTIONS: `--import=${PROBE}`,
  };
  const client = new Agent({ connections: CONNECTIONS });
  const command = async (...args: string[]): Promise<Record<string, unknown>> =>
    JSON.parse(await run(LEADLINE, [...args, "--json"], { DATA_DIR: folder }));
  const leave = () => rmSync(folder, { recursive: true, force: true });
  let server = await start("processes", environment).catch((error: unknown) => {
    leave();
    throw error;
  });
  let store: Store | undefined;
  let numbers = 0;
  let called = 0;

  const close = async () => {
    await client.close();
    await store?.close();
    await stop(server.process);
    leave();
  };
  try {
    store = await openStore(readConfig({ DATA_DIR: folder }), "command", createLog("warn"));
    const workspace = await command(
      ...["workspace", "create", "--name", "Bench", "--time-zone", "UTC", "--country", "DE", "--call-limit", String(options.callLimit)],
    );
    const key = await command("key", "create", "--dialect", "topcalls", "--workspace", String(workspace.uid));
    const product: Product = {
      get url() {
        return server.url;
      },
      get pids() {
        return server.pids;
      },
      token: String(key.key),
      store,
      async line(name, port) {
        await command("trunk", "add", "--name", name, "--gateway", `udp:127.0.0.1:${port}`);
        const number = `+49301234${String(1_000 + numbers++)}`;
        await command("number", "add", number, "--workspace", String(workspace.uid), "--trunk", name);
        return number;
      },
      async removeLine(name) {
        await command("trunk", "remove", name, "--force");
      },
      async agent(settings) {
        const body = { name: "Bench", system_prompt: "Be brief.", language: "en", ...settings };
        const { status, json } = await product.post("/agents", body);
        if (status !== 201) throw new Error(`POST /agents: ${status} ${JSON.stringify(json)}`);
        return (json as { id: string }).id;
      },
      async post(path, body) {
        const response = await request(`${server.url}${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${product.token}`, "content-type": "application/json" },
          body: JSON.stringify(body),
          dispatcher: client,
        });
        return { status: response.statusCode, json: await response.body.json() };
      },
      async place(agentId, from) {
        const to = `+4915${String(100_000_000 + called++)}7`;
        const postedMs = now();
        const { status, json } = await product.post("/calls", { agent_id: agentId, to, from });
        const answeredMs = now();
        if (status !== 201 && status !== 202) throw new Error(`POST /calls: ${status} ${JSON.stringify(json)}`);
        return { to, postedMs, answeredMs };
      },
      async heap(pid) {
        const file = join(folder, `${pid}.json`);
        rmSync(file, { force: true });
        process.kill(pid, "SIGUSR2");
        return JSON.parse(await appeared(file));
      },
      async restart(how) {
        await stop(server.process);
        server = await start(how, environment);
      },
      close,
    };
    return product;
  } catch (error) {
    await close();
    throw error;
  }
}

interface Server {
  process: ChildProcess;
  url: string;
  pids: Product["pids"];
}

async function start(how: Manner, environment: Record<string, string>): Promise<Server> {
  const [program, args] = how === "processes" ? [LEADLINE, ["start"]] : [process.execPath, [SERVER, "api,dispatcher,voice,jobs"]];
  const child = spawn(program, args, { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "inherit"] });
  const pid = child.pid ?? 0;
  const ended = once(child, "exit").then(() => Promise.reject(new Error("the product did not start")));
  ended.catch(() => undefined);
  // Either prints once it serves.
  const [said] = await Promise.race([once(child.stdout.setEncoding("utf8"), "data", { signal: AbortSignal.timeout(START_MS) }), ended]);
  child.stdout.resume();
  if (how === "one process") return { process: child, url: String(said).trim(), pids: { main: pid, voice: pid } };
  const url = readCredentials(environment.DATA_DIR ?? "")?.base_url ?? "";
  return { process: child, url, pids: { main: pid, voice: childOf(pid, "voice") } };
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  await ended;
}

async function appeared(file: string): Promise<string> {
  for (const until = performance.now() + 10_000; ; ) {
    try {
      return readFileSync(file, "utf8");
    } catch (error) {
      if (performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
