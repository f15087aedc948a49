import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";
import pg from "pg";
import type { Connection } from "../../src/platform/postgres/database.ts";
import { until } from "../support/until.ts";
import { ask, credentialsOf, jsonOf, leadline, leadlineJson, startServer, temporaryFolder } from "./support.ts";

const server = JSON.parse(process.env.TEST_DATABASE ?? "{}") as Connection;
const name = `test_${randomBytes(6).toString("hex")}`;
await admin(`create database ${name}`);
after(() => admin(`drop database ${name} with (force)`));

async function admin(sql: string): Promise<void> {
  const client = new pg.Client(server);
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

const env = {
  DATABASE_URL: `postgres:///${name}?host=${encodeURIComponent(server.host ?? "")}&user=${server.user}`,
  MASTER_KEY: "the same on every machine, and long",
};

test("a database of one's own is changed only by migrate, and by start", async () => {
  const options = { env: { ...env, DATA_DIR: temporaryFolder() } };
  const { code, err } = await leadline(["workspace", "list"], options);
  assert.equal(code, 1);
  assert.match(err, /^leadline: The database lacks 0001_spine\.sql[^\n]*\. Run: leadline migrate\n$/);
  const { applied } = await leadlineJson<{ applied: string[] }>(["migrate"], options);
  assert.equal(applied[0], "0001_spine.sql");
  assert.deepEqual(await leadlineJson(["migrate"], options), { applied: [] });
  assert.deepEqual(await leadlineJson(["workspace", "list"], options), []);
});

test("the roles share the work between processes, which start at once and make one demo", async () => {
  const folders = [temporaryFolder(), temporaryFolder()];
  const roles = [["api"], ["dispatcher", "voice", "jobs"]];
  const [api, engine] = await Promise.all(
    roles.map((role, index) =>
      startServer({ ...env, DATA_DIR: folders[index] ?? "", SIMULATOR_SPEED: "0" }, { args: ["--role", ...role] }),
    ),
  );
  assert.ok(api && engine);
  assert.equal(engine.url, "", "only the role api listens");
  assert.equal((await leadlineJson<unknown[]>(["workspace", "list"], { env: { ...env, DATA_DIR: temporaryFolder() } })).length, 1);
  const [credentials] = folders.flatMap((folder) => {
    try {
      return [credentialsOf(folder)];
    } catch {
      return [];
    }
  });
  assert.ok(credentials, "one of them wrote the keys down");
  const call = { agent_id: credentials.demo.agent_id, to: "+972501234567", from: credentials.demo.from };
  const placed = await jsonOf<{ id: string }>(ask(`${api.url}/calls`, credentials.keys.yappr, call));
  const status = async () => (await jsonOf<{ status: string }>(ask(`${api.url}/calls/${placed.id}`, credentials.keys.yappr))).status;
  await until(async () => (await status()) === "completed", { what: "the end of the call that another process makes" });
  assert.deepEqual(await Promise.all([api.stop(), engine.stop()]), [0, 0]);
});

test("another master key than the database's secrets were encrypted with is refused", async () => {
  const other = { ...env, MASTER_KEY: "quite another one, just as long as that", DATA_DIR: temporaryFolder() };
  const { code, err } = await leadline(["workspace", "list"], { env: other });
  assert.equal(code, 1);
  assert.match(err, /^leadline: MASTER_KEY is not the one [^\n]+\n$/);
});
