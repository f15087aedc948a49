import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

/** A command for the process that runs them; `end` is what it prints after each. */
export interface Order {
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  end: string;
}

interface Ended {
  code: number;
  out: string;
  err: string;
}

const END = "\0end of the command\0";
let runner: { child: ChildProcess; died: Promise<never> } | undefined;
let last: Promise<unknown> = Promise.resolve();

after(() => runner?.child.kill("SIGKILL"));

/**
 * Runs a command to its end as a process of its own would, but in one that runs many: most of a short command's time is its
 * process's start. For commands that need no standard input, no user and no folder; that they end by themselves is for
 * `leadline` of support.ts to show.
 */
export function leadline(args: readonly string[], { env = {} }: { env?: Record<string, string> } = {}): Promise<Ended> {
  const ended = last.then(() => run({ args, env: { PATH: process.env.PATH, ...env }, end: END }));
  last = ended.catch(() => undefined);
  return ended;
}

/** A command that must do well, and print one JSON value and nothing else. */
export async function leadlineJson<T>(args: readonly string[], options: { env?: Record<string, string> } = {}): Promise<T> {
  const { code, out, err } = await leadline([...args, "--json"], options);
  assert.equal(code, 0, err);
  assert.equal(err, "");
  return JSON.parse(out) as T;
}

async function run(order: Order): Promise<Ended> {
  runner ??= start();
  const { child, died } = runner;
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error("a process with pipes has both");
  const all = Promise.all([once(child, "message"), untilEnd(stdout), untilEnd(stderr)]);
  child.send(order);
  const [[code], out, err] = await Promise.race([all, died]);
  return { code: Number(code), out, err };
}

function start() {
  const child = fork(fileURLToPath(new URL("./warm-process.ts", import.meta.url)), [], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
  const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`the process of the commands ended with ${code}`)));
  died.catch(() => undefined);
  return { child, died };
}

function untilEnd(stream: Readable): Promise<string> {
  let text = "";
  return new Promise((resolve) => {
    const take = (chunk: string) => {
      text += chunk;
      if (!text.endsWith(END)) return;
      stream.off("data", take);
      resolve(text.slice(0, -END.length));
    };
    stream.setEncoding("utf8").on("data", take);
  });
}
