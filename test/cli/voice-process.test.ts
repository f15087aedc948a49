import assert from "node:assert/strict";
import { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { startVoiceProcess } from "../../src/cli/voice-process.ts";
import { createLog } from "../../src/platform/log.ts";
import { until } from "../support/until.ts";
import { ownStore } from "./own-store.ts";
import { ask, credentialsOf, databaseRuns, leadline, startServer, temporaryFolder, voiceOf } from "./support.ts";
import { unlessStalled } from "./unless-stalled.ts";

const linuxOnly = { skip: process.platform !== "linux" && "needs /proc" };

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function listeningLog() {
  const logged: string[] = [];
  const log = createLog("fatal");
  log.error = (...args: unknown[]) => void logged.push(JSON.stringify(args));
  return { log, logged };
}

test("one that hangs is killed when the server stops, and the database is stopped after it", linuxOnly, async (t) => {
  const dataDir = temporaryFolder();
  await unlessStalled(t, async (start) => {
    const server = await start({ DATA_DIR: dataDir });
    const voice = voiceOf(server.pid);
    assert.ok(voice);
    process.kill(voice.pid, "SIGSTOP");
    const stopped = server.stop();
    await until(() => !runs(server.pid), { what: "the end of the server", withinMs: 60_000 });
    const left = runs(voice.pid);
    // It would keep the server's output open.
    if (left) process.kill(voice.pid, "SIGKILL");
    assert.deepEqual([await stopped, left, databaseRuns(dataDir)], [0, false, false]);
  });
});

test("one that hangs while the server runs is killed and started again, and the log says why", linuxOnly, async () => {
  const { env } = await ownStore();
  Object.assign(process.env, env);
  const { log, logged } = listeningLog();
  // However slow this machine is, one that runs has answered.
  const patience = { everyMs: 20, unanswered: Number.POSITIVE_INFINITY };
  const voice = startVoiceProcess(log, new AbortController().signal, { patience });
  const first = voiceOf(process.pid);
  assert.ok(first);
  await voice.begin();
  process.kill(first.pid, "SIGSTOP");
  patience.unanswered = 10;
  await until(() => logged.length > 0, { what: "the end of patience" });
  patience.unanswered = Number.POSITIVE_INFINITY;
  const next = await until(() => voiceOf(process.pid)?.pid !== first.pid && voiceOf(process.pid), { what: "another voice process" });
  assert.notEqual(next.pid, first.pid);
  assert.match(logged[0] ?? "", new RegExp(`"voicePid":${first.pid},.*hangs.*killed`));
  assert.match(logged[1] ?? "", /"signal":"SIGKILL".*its calls are lost; starting it again/);
  await voice.close();
});

for (const [role, others] of [
  ["all", []],
  ["voice", ["api", "dispatcher", "jobs"]],
] as const) {
  const carriesTheCalls = async (start: typeof startServer) => {
    const { env, query } = await ownStore();
    const server = await start(env, { args: ["--role", role] });
    const { url } = others.length > 0 ? await startServer(env, { args: ["--role", ...others] }) : server;
    const { keys, demo } = credentialsOf(env.DATA_DIR ?? "");
    const voice = voiceOf(server.pid);
    assert.match(voice?.command ?? "", / --initial-old-space-size=\d+ /);
    assert.deepEqual(await query("select pid from nodes"), [{ pid: voice?.pid }]);
    await ask(`${url}/calls`, keys.yappr, { agent_id: demo.agent_id, from: demo.from, to: "+972501234567" });
    await until(async () => (await query("select from calls where status = 'in_progress'")).length > 0, {
      what: "a call that is answered",
    });
    server.kill("SIGKILL");
    // That its output ends says that the voice process, which has it too, is gone.
    await server.ended;
    assert.deepEqual(await query("select disconnect_reason, (select count(*)::int from live_calls) as leases from calls"), [
      { disconnect_reason: "Server stopped", leases: 0 },
    ]);
  };
  test(`--role ${role}: it carries the calls, and hangs up and ends when its server is killed`, linuxOnly, (t) =>
    unlessStalled(t, carriesTheCalls),
  );
}

test("one that a Ctrl-C ended while the server was still starting is not started again", linuxOnly, async () => {
  const { log, logged } = listeningLog();
  const stop = new AbortController();
  const voice = startVoiceProcess(log, stop.signal);
  const child = voiceOf(process.pid);
  assert.ok(child);
  stop.abort();
  process.kill(child.pid, "SIGKILL");
  await voice.begin();
  await voice.close();
  assert.deepEqual(logged, []);
});

test("one that hangs while it starts holds no server up that is to stop", linuxOnly, async () => {
  const { log, logged } = listeningLog();
  const stop = new AbortController();
  const voice = startVoiceProcess(log, stop.signal, { alone: true });
  const child = voiceOf(process.pid);
  assert.ok(child);
  process.kill(child.pid, "SIGSTOP");
  const begun = voice.begin();
  stop.abort();
  await begun;
  await voice.close();
  assert.equal(runs(child.pid), false);
  assert.match(logged.join(""), /hangs and is killed/);
});

test("one that cannot be started is tried again and keeps nobody waiting", async (t) => {
  const { execPath } = process;
  process.execPath = join(temporaryFolder(), "node");
  const { log, logged } = listeningLog();
  try {
    const voice = startVoiceProcess(log, new AbortController().signal);
    await voice.begin();
    // With no file descriptor left, Node.js gives a process that has no `send`. This method is there, though not in its types.
    t.mock.method(ChildProcess.prototype as ChildProcess & { spawn(): void }, "spawn", function (this: ChildProcess) {
      process.nextTick(() => this.emit("error", Object.assign(new Error("spawn EMFILE"), { code: "EMFILE" })));
    });
    await until(async () => logged.length >= 2, { what: "a second try", withinMs: 20_000 });
    assert.match(logged[0] ?? "", /ENOENT.*"againInMs":500.*cannot start: nobody can be called/);
    assert.match(logged[1] ?? "", /EMFILE.*"againInMs":1000/);
    await voice.close();
  } finally {
    process.execPath = execPath;
  }
});

test("alone, it is not said to be ready before it takes calls", linuxOnly, async () => {
  const { env } = await ownStore();
  Object.assign(process.env, env);
  const { execPath } = process;
  process.execPath = join(temporaryFolder(), "node");
  const { log, logged } = listeningLog();
  const voice = startVoiceProcess(log, new AbortController().signal, { alone: true });
  try {
    const ready = voice.begin().then(() => true);
    await until(() => logged.length > 0, { what: "a start that failed" });
    assert.equal(await Promise.race([ready, false]), false);
    process.execPath = execPath;
    assert.equal(await ready, true);
    assert.ok(voiceOf(process.pid));
  } finally {
    process.execPath = execPath;
    await voice.close();
  }
});

test("alone, one that never started does not keep its server from stopping", async () => {
  const { execPath } = process;
  process.execPath = join(temporaryFolder(), "node");
  const { log, logged } = listeningLog();
  const stop = new AbortController();
  try {
    const voice = startVoiceProcess(log, stop.signal, { alone: true });
    await until(() => logged.length > 0, { what: "a start that failed" });
    stop.abort();
    await voice.begin();
    await voice.close();
  } finally {
    process.execPath = execPath;
  }
});

test("the internal command says so when it is run by hand", async () => {
  const { code, out, err } = await leadline(["voice"], { env: { DATA_DIR: temporaryFolder() } });
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /leadline start --role voice/);
});
