import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { isErrno } from "../../src/platform/files.ts";

/** What Linux says of a process, from /proc. */

const TICKS_PER_SECOND = 100;

export interface Usage {
  residentMb: number;
  /** Of all its threads, since its start. */
  cpuSeconds: number;
}

export function usageOf(pid: number): Usage {
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  const [user, system] = statOf(pid).slice(11, 13);
  return { residentMb: Number(resident) / 1024, cpuSeconds: (Number(user) + Number(system)) / TICKS_PER_SECOND };
}

export interface Handles {
  files: number;
  udpPorts: number[];
}

export function handlesOf(pid: number): Handles {
  const inodes = new Set<string>();
  const files = readdirSync(`/proc/${pid}/fd`);
  for (const file of files) {
    const inode = unlessGone(() => /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${file}`))?.[1]);
    if (inode) inodes.add(inode);
  }
  const udpPorts: number[] = [];
  for (const table of ["udp", "udp6"]) {
    for (const line of readFileSync(`/proc/${pid}/net/${table}`, "latin1").trim().split("\n").slice(1)) {
      const [, local = "", , , , , , , , inode = ""] = line.trim().split(/\s+/);
      if (inodes.has(inode)) udpPorts.push(Number.parseInt(local.slice(local.lastIndexOf(":") + 1), 16));
    }
  }
  return { files: files.length, udpPorts };
}

/** The process that `parent` started whose command line ends with `word`. */
export function childOf(parent: number, word: string): number {
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const found = unlessGone(() => {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0").filter(Boolean);
      return words.at(-1) === word && Number(statOf(Number(name))[1]) === parent;
    });
    if (found) return Number(name);
  }
  throw new Error(`Process ${parent} has no child "${word}".`);
}

/** From the state on: the name before it can hold anything. */
function statOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ESRCH")) return undefined;
    throw error;
  }
}
