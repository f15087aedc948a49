import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "./free-port.ts";
import { handlesOf } from "./process-usage.ts";

/** Calls that are not over so long after the last should have begun have failed; sipp itself would wait for them. */
const PATIENCE_MS = 6_000;

const scenario = (name: string): string => fileURLToPath(new URL(`sipp/${name}.xml`, import.meta.url));
/** The loopback address, where a media port of its own comes from for each. */
const arguments_ = async (port: number): Promise<string[]> => [
  "-i",
  "127.0.0.1",
  "-mi",
  "127.0.0.1",
  "-p",
  String(port),
  "-mp",
  String(await freePort()),
  "-nostdin",
];

export interface SippCalled {
  port: number;
  close(): Promise<void>;
}

/** sipp as the called side: rings, answers, and hangs up after `holdMs`. */
export async function startSippCalled(holdMs: number): Promise<SippCalled> {
  const port = await freePort();
  const args = ["-sf", scenario("called"), ...(await arguments_(port)), "-d", String(holdMs)];
  const sipp = spawn("sipp", args, { stdio: "ignore" });
  const gone = once(sipp, "exit");
  for (const until = performance.now() + 10_000; !handlesOf(sipp.pid ?? 0).udpPorts.includes(port); await sleep(20)) {
    if (sipp.exitCode !== null || performance.now() > until) throw new Error("sipp does not listen");
  }
  return {
    port,
    async close() {
      sipp.kill("SIGKILL");
      await gone;
    },
  };
}

export interface SippRun {
  answered: number;
  failed: number;
  retransmissions: number;
}

/** sipp as the caller of a port of loopback. */
export async function callWithSipp(port: number, calls: number, perSecond: number): Promise<SippRun> {
  const folder = mkdtempSync(join(tmpdir(), "leadline-bench-sipp-"));
  const statistics = join(folder, "statistics.csv");
  try {
    const args = ["-sf", scenario("calling"), ...(await arguments_(await freePort())), "-m", String(calls), "-r", String(perSecond)];
    args.push("-l", String(calls), "-trace_stat", "-stf", statistics, "-fd", "1", `127.0.0.1:${port}`);
    const sipp = spawn("sipp", args, { stdio: "ignore" });
    const impatience = setTimeout(() => sipp.kill("SIGKILL"), (calls / perSecond) * 1_000 + PATIENCE_MS);
    await once(sipp, "exit");
    clearTimeout(impatience);
    const rows = readFileSync(statistics, "latin1")
      .trim()
      .split("\n")
      .map((line) => line.split(";"));
    const value = (name: string) => rows.at(-1)?.[rows[0]?.indexOf(name) ?? -1] ?? "";
    return {
      answered: Number(value("SuccessfulCall(C)")),
      failed: Number(value("FailedCall(C)")),
      retransmissions: Number(value("Retransmissions(C)")),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
