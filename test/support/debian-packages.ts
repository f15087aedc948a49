import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The programs that tests talk to and that npm does not bring, with the Debian package each is in. */
const PACKAGE_OF = {
  sipp: "sip-tester",
  baresip: "baresip-core",
  kamailio: "kamailio",
  "kamailio-tls": "kamailio-tls-modules",
  "espeak-ng": "espeak-ng",
  openssl: "openssl",
  soxi: "sox",
} as const;

export type Program = keyof typeof PACKAGE_OF;

const PROGRAMS = Object.keys(PACKAGE_OF) as Program[];
/** A module of Kamailio, not a program. */
const KAMAILIO_TLS = ["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu/kamailio/modules/tls.so`);
/** Where Debian has daemons, which is not on everybody's PATH. */
const SBIN = ["/usr/sbin", "/usr/local/sbin"];

/** Its path; undefined when it is not installed. */
export function findProgram(program: Program): string | undefined {
  if (program === "kamailio-tls") return KAMAILIO_TLS.find((path) => existsSync(path));
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...SBIN].filter(Boolean);
  return folders.map((folder) => join(folder, program)).find(executable);
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * For the options of a test: why it is left out, naming what would have to be installed; false when everything is there.
 * With CI=true a missing program is an error.
 */
export function missing(...programs: Program[]): string | false {
  const absent = programs.filter((program) => !findProgram(program));
  if (absent.length === 0) return false;
  const words = `not installed: ${absent.join(", ")} (Debian: apt-get install ${absent.map((program) => PACKAGE_OF[program]).join(" ")})`;
  if (process.env.CI === "true") throw new Error(words);
  return words;
}

/** Installs what is missing, where that is allowed: as root on a system with apt. Says what it does, and what it cannot do. */
export function installMissing(): void {
  const packages = PROGRAMS.filter((program) => !findProgram(program)).map((program) => PACKAGE_OF[program]);
  if (packages.length === 0 || process.getuid?.() !== 0 || !executable("/usr/bin/apt-get")) return;
  process.stderr.write(`Installing for the tests: ${packages.join(" ")}\n`);
  // No package's service may be started: the tests start their own.
  const policy = "#!/bin/sh\nexit 101\n";
  const script = `set -e
    if [ ! -e /usr/sbin/policy-rc.d ]; then printf '${policy.replaceAll("\n", "\\n")}' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; trap 'rm -f /usr/sbin/policy-rc.d' EXIT; fi
    apt-get update -q
    apt-get install -q -y --no-install-recommends "$@"`;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const { status, stderr } = spawnSync("/bin/sh", ["-c", script, "sh", ...packages], { env, encoding: "utf8", timeout: 600_000 });
  if (status !== 0) process.stderr.write(`They could not be installed: ${stderr.trim().split("\n").slice(-3).join(" ")}\n`);
}
