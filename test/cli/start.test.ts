import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { parseArgs } from "node:util";
import type { Credentials } from "../../src/credentials.ts";
import { awake } from "../support/awake.ts";
import { until } from "../support/until.ts";
import {
  ask,
  childrenOf,
  credentialsOf,
  databaseRuns,
  jsonOf,
  leadline,
  leadlineJson,
  type Server,
  startServer,
  temporaryFolder,
} from "./support.ts";
import { unlessStalled } from "./unless-stalled.ts";

const STOP_LIMIT_MS = 5_000;

/** A request under way that never arrives whole, and a connection that does nothing. */
async function occupy(url: string, key: string): Promise<void> {
  const { hostname, port, host } = new URL(url);
  for (let count = 0; count < 2; count++) {
    const socket = connect(Number(port), hostname).resume();
    socket.on("error", () => undefined);
    await once(socket, "connect");
    if (count === 1) continue;
    const head = ["POST /v1/leads HTTP/1.1", `Host: ${host}`, `Authorization: Bearer ${key}`, "Content-Type: application/json"];
    // Read together with a request whose answer shows that both were read.
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n${head.join("\r\n")}\r\nContent-Length: 10\r\n\r\n{`);
    await once(socket, "data");
  }
}

/** What curl would be asked by the command, as a shell reads it; curl itself is not needed. */
function pasted(command: string, cwd: string, url: string): [url: string, headers: Array<[string, string]>, body: string] {
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
  const script = `curl() { printf '%s\\0' "$@"; }\n${command}`;
  const { stdout } = spawnSync("sh", ["-c", script], { encoding: "utf8", cwd, env: { PATH, URL: url } });
  const { values, positionals } = parseArgs({
    args: stdout.split("\0").slice(0, -1),
    options: { header: { type: "string", short: "H", multiple: true }, data: { type: "string", short: "d" } },
    allowPositionals: true,
  });
  const headers = (values.header ?? []).map((header): [string, string] => [
    header.slice(0, header.indexOf(":")),
    header.slice(header.indexOf(":") + 1).trim(),
  ]);
  return [positionals[0] ?? "", headers, values.data ?? ""];
}

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

describe("the life of one data directory", () => {
  const dataDir = join(temporaryFolder(), "its data, ä");
  const env = { DATA_DIR: dataDir };
  let server: Server;
  let first: Credentials;
  const other = join(temporaryFolder(), "it's another");
  let beside: Server;

  test("a first start makes the database and the demo, and says where its keys are without showing them", async () => {
    server = await startServer(env);
    first = credentialsOf(dataDir);
    assert.equal(first.base_url, server.url);
    assert.equal(statSync(join(dataDir, "credentials.json")).mode & 0o777, 0o600);
    assert.equal(statSync(join(dataDir, "master.key")).mode & 0o777, 0o600);
    assert.match(server.output.out, new RegExp(`keys: ${join(dataDir, "credentials.json")}\n`));
    for (const key of [...Object.values(first.keys), first.workspace.webhook_secret]) {
      assert.ok(!server.output.out.includes(key) && !server.output.err.includes(key), "a key was shown");
    }
    assert.deepEqual(await (await fetch(`${server.url}/healthz`)).json(), { status: "ok" });
    assert.deepEqual(await (await fetch(`${server.url}/readyz`)).json(), { status: "ready" });
    assert.equal((await fetch(`${server.url}/docs/`)).status, 200);
    const description = await jsonOf<{ servers: unknown }>(fetch(`${server.url}/docs/topcalls.json`));
    assert.deepEqual(description.servers, [{ url: server.url }]);
  });

  test("each curl that the start prints, and each of the README's, does what it says when pasted into a shell", async () => {
    beside = await startServer({ DATA_DIR: other, DATABASE_CONNECTIONS: "60" });
    const printed = beside.output.out.split("# ").slice(1);
    assert.equal(printed.length, 4);
    const preparation = "key() { node -p \"require('./credentials.json').keys.$1\"; }\n";
    assert.ok(readme.includes(preparation), "the README's way to a key");
    const documented = [...readme.matchAll(/```sh\n(curl [^`]+)```/g)].map(([, command]) => preparation + command);
    assert.equal(documented.length, 5);
    for (const command of [...documented, ...printed.map((text) => text.slice(text.indexOf("\n")))]) {
      const [url = "", headers = [], body = ""] = pasted(command, other, beside.url);
      const answer = await fetch(url, { method: "POST", headers, body });
      assert.ok(answer.status === 200 || answer.status === 201, `${url}: ${answer.status} ${await answer.text()}`);
    }
  });

  test("a second start on the same data directory says so and ends", async () => {
    const { code, out, err } = await leadline(["start"], { env: { ...env, PORT: "0" } });
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(err, /^leadline: Leadline already runs on DATA_DIR .*\n$/);
  });

  test("another data directory runs beside it", async () => {
    const theirs = credentialsOf(other);
    assert.notEqual(theirs.keys.topcalls, first.keys.topcalls);
    assert.equal((await ask(`${beside.url}/v1/leads`, theirs.keys.topcalls)).status, 200);
    assert.equal((await ask(`${beside.url}/v1/leads`, first.keys.topcalls)).status, 401);
    assert.equal((await ask(`${first.base_url}/v1/leads`, first.keys.topcalls)).status, 200);
    const [, most] = /max_connections=(\d+)/.exec(readFileSync(join(other, "postgres", "data", "postmaster.opts"), "utf8")) ?? [];
    assert.ok(Number(most) >= 2 * (60 + 6) + 3, `its database takes ${most} connections: the two processes may want more`);
    assert.equal(await beside.stop(), 0);
    assert.ok(!databaseRuns(other));
  });

  test("a taken port is named, and nothing is left running", async () => {
    const { port } = new URL(first.base_url);
    const { code, out, err } = await leadline(["start"], { env: { DATA_DIR: other, PORT: port, LOG_LEVEL: "error" } });
    assert.equal(code, 1);
    assert.equal(out, "");
    assert.match(err, new RegExp(`^leadline: Port ${port} on 127.0.0.1 is taken by another program\\..*\n$`));
    assert.ok(!databaseRuns(other));
  });

  test("keys made and revoked beside the running server count at once", async () => {
    const made = await leadlineJson<{ number: number; key: string }>(["key", "create", "--dialect", "topcalls"], { env });
    assert.equal((await ask(`${first.base_url}/v1/leads`, made.key)).status, 200);
    const listed = await leadlineJson<Array<{ number: number; token_prefix: string }>>(["key", "list"], { env });
    assert.equal(listed.find(({ number }) => number === made.number)?.token_prefix, made.key.slice(0, 12));
    await leadlineJson(["key", "revoke", String(made.number)], { env });
    assert.equal((await ask(`${first.base_url}/v1/leads`, made.key)).status, 401);
  });

  test("after kill -9 of the server the next start takes its database over, with everything in it", async (t) => {
    const lead = { name: "Kept", phone_number: "+972501234567", list_id: first.demo.list_id };
    assert.equal((await ask(`${first.base_url}/v1/leads`, first.keys.topcalls, lead)).status, 201);
    assert.equal(await server.stop("SIGKILL"), null);
    await unlessStalled(t, async (start) => {
      server = await start(env);
      assert.ok(server.startMs < 30_000, `took ${server.startMs} ms`);
      const now = credentialsOf(dataDir);
      assert.deepEqual(now, { ...first, base_url: server.url }, "the keys are the same and the address is the new one");
      const kept = await jsonOf<{ items: Array<{ phone_number: string }> }>(ask(`${server.url}/v1/leads`, now.keys.topcalls));
      assert.deepEqual(
        kept.items.map((one) => one.phone_number),
        [lead.phone_number],
      );
      await occupy(server.url, first.keys.topcalls);
      const awakeMs = awake();
      assert.equal(await server.stop("SIGTERM"), 0);
      assert.ok(awakeMs() < STOP_LIMIT_MS, "a request that does not end must not hold it up");
      assert.ok(!databaseRuns(dataDir));
    });
  });

  test("a voice process that is killed is started again, and its calls are not lost sight of", {
    skip: process.platform !== "linux" && "needs /proc",
  }, async () => {
    server = await startServer(env);
    const now = credentialsOf(dataDir);
    const call = async (to: string) => {
      const response = await ask(`${server.url}/calls`, now.keys.yappr, { agent_id: now.demo.agent_id, from: now.demo.from, to });
      return (await jsonOf<{ id: string }>(response)).id;
    };
    const becomes = (id: string, ...statuses: string[]) =>
      until(
        async () => {
          const { status } = await jsonOf<{ status: string }>(ask(`${server.url}/calls/${id}`, now.keys.yappr));
          return statuses.includes(status) && status;
        },
        { what: `a call that is ${statuses.join(" or ")}`, withinMs: 20_000 },
      );
    const before = childrenOf(server.pid);
    const [voice] = before.filter((one) => one.command.includes(" voice"));
    assert.ok(voice, `no voice process among ${JSON.stringify(before)}`);
    const lost = await call("+972501234567");
    await becomes(lost, "in-progress");
    process.kill(voice.pid, "SIGKILL");
    await becomes(lost, "failed");
    await becomes(await call("+972501230002"), "no_answer");
    assert.match(server.output.err + server.output.out, /the voice process ended/);
    assert.equal(await server.stop(), 0);
    assert.ok(!databaseRuns(dataDir));
  });

  test("a second signal ends it at once; its database is taken over by the next start", async () => {
    server = await startServer(env);
    await occupy(server.url, first.keys.topcalls);
    server.kill("SIGINT");
    const nagging = setInterval(() => server.kill("SIGINT"), 100);
    const code = await server.ended;
    clearInterval(nagging);
    assert.equal(code, 1);
    const next = await startServer(env);
    assert.equal((await ask(`${next.url}/v1/leads`, first.keys.topcalls)).status, 200);
    assert.equal(await next.stop("SIGINT"), 0);
    assert.ok(!databaseRuns(dataDir));
  });
});
