import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Call } from "../../src/core/calls/row.ts";
import { type Server, startServer, voiceOf } from "../cli/support.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { answered, callerHangsUp, invite } from "./support/caller.ts";
import { runKamailio } from "./support/kamailio.ts";
import { type Subscriber, startLine } from "./support/line.ts";
import { freePort } from "./support/ports.ts";
import { answer, hangUp, pause, recv, recvInvite, reply, replyInDialog, steps } from "./support/scenario.ts";
import { type Sipp, startSipp } from "./support/sipp.ts";
import { temporaryFolder } from "./support/temporary-folder.ts";
import { watchStalls } from "./support/watch-stalls.ts";

/** A dispatcher over two voice nodes, configured as the guide says. */
const skip = missing("kamailio", "sipp", "espeak-ng") || (process.platform !== "linux" && "needs /proc");

const guide = readFileSync(new URL("../../docs/sip.md", import.meta.url), "utf8");
const [, written = ""] = /^```kamailio\n([\s\S]*?)^```/m.exec(guide) ?? [];
const cluster = await startLine({}, { roles: ["api", "dispatcher", "jobs"] });
const { db } = cluster.world.house;

interface Node {
  server: Server;
  /** Of the process in which it carries calls. */
  voice: number;
}

async function startNode(sipPort: number): Promise<Node> {
  const rtp = 20_000 + 2 * Math.floor(Math.random() * 5_300);
  const own = { LOG_LEVEL: "warn", SIP_LISTEN: `udp:127.0.0.1:${sipPort}`, RTP_PORTS: `${rtp}-${rtp + 199}` };
  const server = await startServer({ ...cluster.environment, ...own, DATA_DIR: temporaryFolder() }, { args: ["--role", "voice"] });
  const voice = voiceOf(server.pid);
  assert.ok(voice);
  return { server, voice: voice.pid };
}

/** Which process has each call that holds a lease, if any. */
const leases = async () =>
  (
    await db.pool.query<{ call_id: string; pid: number | null }>(
      "select l.call_id, n.pid from live_calls l left join nodes n on n.id = l.node_id",
    )
  ).rows;

const counted = async ({ workspace, trunk }: Subscriber) =>
  (
    await db.pool.query<{ workspace: number; trunk: number; live: number }>(
      `select (select in_use from workspace_capacity where workspace_id = $1) as workspace,
         (select in_use from trunk_capacity where trunk_id = $2) as trunk, (select count(*)::integer from live_calls) as live`,
      [workspace.id, trunk.id],
    )
  ).rows[0];

/** Calls out that this node takes: the other one's row is locked meanwhile, without which it takes none. */
const placeOn = (node: Node, subscriber: Subscriber, numbers: readonly string[]) =>
  db.inTransaction(async (client) => {
    await client.query("select from nodes where pid <> $1 for update", [node.voice]);
    for (const number of numbers) await subscriber.place(number);
    await until(async () => (await leases()).every(({ pid }) => pid !== null), { what: "a node for each call", withinMs: 20_000 });
  });

/** By the database's clock: since when silence counts, now, and whether one of the calls still holds a lease. */
const heard = async (calls: readonly Call[]) =>
  (
    await db.pool.query<{ since: Date; at: Date; held: boolean }>(
      "select since, clock_timestamp() as at, exists (select from live_calls where call_id = any ($1)) as held from hearing",
      [calls.map(({ id }) => id)],
    )
  ).rows[0];

/** The Call-IDs of the calls that it has had so far. */
const callIds = (sipp: Sipp) => new Set(Array.from(sipp.messages().matchAll(/^INVITE [\s\S]*?^Call-ID: (\S+)/gm), ([, id = ""]) => id));

/** The provider, which ends a call out when it is told to, if we do not end it before. */
const PROVIDER = steps(
  recvInvite(),
  reply("180 Ringing"),
  answer(),
  recv("BYE", 'optional="true" next="1"'),
  recv("GO"),
  hangUp(),
  '<nop next="2"/><label id="1"/>',
  replyInDialog("200 OK"),
  '<label id="2"/>',
);
const [IN, OUT] = [12, 6];

test("both nodes have calls in and out; one is killed: its leases are free within 10 s, new calls go to the other", { skip }, async () => {
  const ports = [await freePort(), await freePort()];
  const nodes = await Promise.all(ports.map(startNode));
  const [victim, survivor] = nodes;
  assert.ok(victim && survivor);
  const provider = await startSipp({ scenario: PROVIDER, timeoutSeconds: 300 });
  const configuration = written
    .replace("listen=udp:192.0.2.5:5060", "listen=udp:127.0.0.1:PORT\nlisten=tcp:127.0.0.1:PORT")
    .replaceAll("192.0.2.5", "127.0.0.1")
    .replace("203.0.113.0/28", "127.0.0.0/8")
    // The provider's domain leads to port 5060 there.
    .replace('if (ds_is_from_list("1")) {', `if (ds_is_from_list("1")) {\n$rp = "${provider.port}";`)
    // On a busy machine a node may stand still for longer than the guide allows it.
    .replace('"fr_timer", 2000', '"fr_timer", 5000')
    .replaceAll("/etc/kamailio", "FOLDER");
  assert.ok(configuration.includes("$rp") && configuration.includes("5000"));
  const kamailio = await runKamailio(configuration, { "dispatcher.list": ports.map((port) => `1 sip:127.0.0.1:${port}\n`).join("") });
  const trunk = { gateways: [`udp:127.0.0.1:${kamailio.port}`], domain: "127.0.0.1" };
  const subscriber = await cluster.subscriber({
    trunk: { ...trunk, inboundNetworks: ["127.0.0.1/32"], maxChannels: 50 },
    agent: { silence_timeout_secs: 120 },
  });
  const brief = await cluster.subscriber({ trunk, agent: { max_call_duration_secs: 1 } });

  for (const [index, node] of nodes.entries())
    await placeOn(
      node,
      subscriber,
      Array.from({ length: OUT / 2 }, (_value, call) => `+97250123456${2 * call + index}`),
    );
  const caller = await startSipp({
    scenario: steps(invite(), answered(), recv("GO"), callerHangsUp()),
    remote: `127.0.0.1:${kamailio.port}`,
    service: subscriber.number,
    calls: IN,
    rate: 10,
    timeoutSeconds: 300,
    more: ["-l", "100"],
  });
  const CALLS = IN + OUT;
  const before = await until(
    async () => {
      const calls = await subscriber.calls();
      return calls.length === CALLS && calls.every(({ status }) => status === "in_progress") && calls;
    },
    { what: "the calls", withinMs: 45_000 },
  );
  const held = new Map((await leases()).map(({ call_id, pid }) => [call_id, pid]));
  const lost = before.filter(({ id }) => held.get(id) === victim.voice);
  const kept = before.filter(({ id }) => held.get(id) === survivor.voice);
  for (const calls of [lost, kept]) {
    const out = calls.filter(({ direction }) => direction === "outbound").length;
    assert.ok(out === OUT / 2 && calls.length - out >= 4, `${out} out of ${calls.length}`);
  }
  assert.deepEqual(await counted(subscriber), { workspace: CALLS, trunk: CALLS, live: CALLS });
  const running = [caller, provider].map((sipp) => ({ sipp, ids: callIds(sipp) }));

  const killed = await heard(lost);
  assert.ok(killed?.held);
  // The dispatcher is in this process.
  const stalls = watchStalls();
  // Both processes, as when the machine loses its power: one alone would be started again, or hang up.
  process.kill(victim.voice, "SIGKILL");
  await victim.server.stop("SIGKILL");
  // At once, before anybody can have noticed.
  const late = await startSipp({
    scenario: steps(invite({ number: "+14155550199" }), answered(), pause(500), callerHangsUp()),
    remote: `127.0.0.1:${kamailio.port}`,
    service: subscriber.number,
    calls: 10,
    rate: 5,
    more: ["-l", "100"],
  });
  const lateOut = await Promise.all(["+972501234571", "+972501234572"].map((number) => brief.place(number)));
  const isLost = (id: string) => lost.some((call) => call.id === id);
  const freed = await until(
    async () => {
      const now = await heard(lost);
      return now && !now.held && now;
    },
    { what: "the leases of the node that was killed are free", withinMs: 30_000 },
  );
  // When the machine stood still so long that nobody was heard, everybody is given time anew.
  const silentSince = Math.max(killed.at.getTime(), freed.since.getTime());
  const freedMs = freed.at.getTime() - silentSince;
  assert.ok(freedMs < 10_000 + stalls(), `${freedMs} ms`);
  for (const call of await subscriber.calls()) {
    if (isLost(call.id))
      assert.deepEqual([call.status, call.outcome, call.error, call.ended_by], ["ended", "failed", "voice node lost", "system"]);
    else if (kept.some(({ id }) => id === call.id)) assert.equal(call.status, "in_progress");
  }
  for (const { sipp, ids } of running) for (const id of ids) sipp.go(id);

  await late.succeeded();
  for (const id of lateOut) {
    const call = await brief.ended(id);
    assert.deepEqual([call.outcome, call.disconnect_reason], ["completed", "Max duration reached"], call.error ?? "");
  }
  const all = await until(
    async () => {
      const calls = await subscriber.calls();
      return calls.length === CALLS + 10 && calls.every(({ status }) => status === "ended") && calls;
    },
    { what: "the end of every call", withinMs: 90_000 },
  );
  for (const call of all.filter(({ id }) => !isLost(id))) {
    assert.equal(call.outcome, "completed", `${call.from_number} ${call.error}`);
    assert.equal(call.ended_by, "caller");
  }
  assert.deepEqual(await counted(subscriber), { workspace: 0, trunk: 0, live: 0 });
  caller.process.kill("SIGKILL");
});
