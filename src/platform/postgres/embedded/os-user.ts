import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { userInfo } from "node:os";

export interface OsUser {
  name: string;
  uid: number;
  gid: number;
}

const CANDIDATES = ["leadline", "postgres", "nobody"] as const;
const isRoot = (): boolean => process.getuid?.() === 0;

/**
 * Who runs PostgreSQL, which refuses to run as root: we ourselves, or, when we are root, the first of the users
 * `leadline`, `postgres` and `nobody` that the machine has.
 */
export function postgresUser(): OsUser {
  if (!isRoot()) return ourselves();
  const users = passwd();
  for (const name of CANDIDATES) {
    const user = users.find((one) => one.name === name);
    if (user) return user;
  }
  throw new Error(
    "PostgreSQL cannot run as root, and this machine has none of the users leadline, postgres, nobody. Create one: useradd --system leadline",
  );
}

/** Who made an existing database, and so has to run it. */
export function ownerOf(home: string): OsUser {
  const { uid, gid } = statSync(home);
  if (isRoot()) return passwd().find((user) => user.uid === uid) ?? { name: String(uid), uid, gid };
  const us = ourselves();
  if (uid !== us.uid) throw new Error(`${home} belongs to another user. Run Leadline as that user, or choose another DATA_DIR.`);
  return us;
}

function ourselves(): OsUser {
  try {
    const { uid, gid, username } = userInfo();
    return { name: username, uid, gid };
  } catch (cause) {
    const message = `PostgreSQL needs a user with a name, and user id ${process.getuid?.()} has none. Run Leadline as another user, or set DATABASE_URL.`;
    throw new Error(message, { cause });
  }
}

function passwd(): OsUser[] {
  return readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

/** For child processes that have to run as that user. */
export const identity = (user: OsUser): { uid?: number; gid?: number } => (isRoot() ? { uid: user.uid, gid: user.gid } : {});

/** Whether that user can enter the folder; false too when the folder is not there. */
export function canEnter(user: OsUser, folder: string): boolean {
  const { status, error } = spawnSync("/bin/sh", ["-c", 'cd "$0"', folder], { ...identity(user), stdio: "ignore", cwd: "/" });
  if (error) {
    const message = `PostgreSQL cannot run as root, and this process may not act as the user ${user.name}. Run Leadline as an ordinary user, or set DATABASE_URL.`;
    throw new Error(message, { cause: error });
  }
  return status === 0;
}
