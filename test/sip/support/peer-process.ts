import { spawn } from "node:child_process";
import { once } from "node:events";
import { after } from "node:test";

export interface PeerProcess {
  /** Everything it has printed. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; null when a signal ended it. */
  ended: Promise<number | null>;
}

const running = new Set<PeerProcess>();

after(async () => {
  for (const peer of running) peer.kill("SIGKILL");
  await Promise.all([...running].map(({ ended }) => ended));
});

/** A program that the tests talk to; it is killed after the file's tests if it still runs. */
export function startPeer(path: string, args: readonly string[], cwd: string): PeerProcess {
  // A group of its own, so that what it starts itself gets its signals too.
  const child = spawn(path, args, { cwd, stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const peer: PeerProcess = {
    output: () => output,
    kill(signal) {
      if (child.pid && child.exitCode === null && child.signalCode === null) process.kill(-child.pid, signal);
    },
    ended: once(child, "close").then(([code]) => (typeof code === "number" ? code : null)),
  };
  running.add(peer);
  void peer.ended.then(() => running.delete(peer));
  return peer;
}
