import assert from "node:assert/strict";
import { chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { canEnter } from "../../src/platform/postgres/embedded/os-user.ts";
import { ask, credentialsOf, leadline, leadlineJson, startServer, temporaryFolder } from "./support.ts";

const nobody = { uid: 65_534, gid: 65_534 };
const reachable = process.getuid?.() === 0 && canEnter({ name: "nobody", ...nobody }, fileURLToPath(new URL("../../src", import.meta.url)));
const skip = reachable ? false : "needs root, and a checkout that others can read";

test("an ordinary user runs everything as itself; root's commands work beside it", { skip }, async () => {
  const dataDir = join(temporaryFolder(), "data");
  mkdirSync(dataDir);
  chownSync(dataDir, nobody.uid, nobody.gid);
  const server = await startServer({ DATA_DIR: dataDir }, { user: nobody });
  for (const name of ["credentials.json", "master.key", "postgres/data"]) assert.equal(statSync(join(dataDir, name)).uid, nobody.uid);
  const { keys } = credentialsOf(dataDir);
  assert.equal((await ask(`${server.url}/v1/leads`, keys.topcalls)).status, 200);
  const env = { DATA_DIR: dataDir };
  assert.equal((await leadlineJson<unknown[]>(["workspace", "list"], { env })).length, 1);
  assert.equal(await server.stop(), 0);
  assert.equal((await leadlineJson<unknown[]>(["workspace", "list"], { env })).length, 1, "root runs the database as its owner");
});

test("a data directory that the user may not write is named", { skip }, async () => {
  const folder = temporaryFolder();
  const { code, err } = await leadline(["start"], { env: { DATA_DIR: folder, PORT: "0" }, user: nobody });
  assert.equal(code, 1);
  assert.match(err, new RegExp(`^leadline: DATA_DIR ${folder} cannot be written\\.[^\n]*\n$`));
});

test("a user id without a name, as containers have, is told what PostgreSQL wants", { skip }, async () => {
  const dataDir = join(temporaryFolder(), "data");
  mkdirSync(dataDir);
  chownSync(dataDir, 54_321, 54_321);
  const { code, err } = await leadline(["start"], { env: { DATA_DIR: dataDir, PORT: "0" }, user: { uid: 54_321, gid: 54_321 } });
  assert.equal(code, 1);
  assert.match(err, /^leadline: PostgreSQL needs a user with a name, and user id 54321 has none\.[^\n]*\n$/);
});
