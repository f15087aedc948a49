import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

export interface OsUser {
  name: string;
  uid: number;
  gid: number;
}

const CANDIDATES = ["leadline", "postgres", "nobody"] as const;

/**
 * Who runs PostgreSQL, which refuses to run as root: we ourselves, or, when we are root, the first of the users
 * `leadline`, `postgres` and `nobody` that the machine has.
 */
export function postgresUser(): OsUser {
  const { uid, gid, username } = userInfo();
  if (uid !== 0) return { name: username, uid, gid };
  const passwd = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of CANDIDATES) {
    const entry = passwd.find((fields) => fields[0] === name);
    if (entry) return { name, uid: Number(entry[2]), gid: Number(entry[3]) };
  }
  throw new Error(
    "PostgreSQL cannot run as root, and this machine has none of the users leadline, postgres, nobody. Create one: useradd --system leadline",
  );
}

/** Whether that user can enter the folder; false too when the folder is not there. */
export function canEnter(user: OsUser, folder: string): boolean {
  const identity = process.getuid?.() === 0 ? { uid: user.uid, gid: user.gid } : {};
  return spawnSync("/bin/sh", ["-c", 'cd "$0"', folder], { ...identity, stdio: "ignore", cwd: "/" }).status === 0;
}
