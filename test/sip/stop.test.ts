import assert from "node:assert/strict";
import { test } from "node:test";
import { ownStore } from "../cli/own-store.ts";
import { ask, credentialsOf, jsonOf, leadlineJson, startServer } from "../cli/support.ts";
import { missing } from "../support/debian-packages.ts";
import { until } from "../support/until.ts";
import { freePort } from "./support/ports.ts";
import { answer, pause, recv, recvInvite, steps } from "./support/scenario.ts";
import { startSipp } from "./support/sipp.ts";

const skip = missing("sipp", "espeak-ng");

test("the server stops under a call whose other side says nothing to BYE: the call's end and what was said are written all the same", {
  skip,
}, async () => {
  const { env, query } = await ownStore();
  const phone = await startSipp({ scenario: steps(recvInvite(), answer(), recv("BYE"), pause(60_000)) });
  const server = await startServer({ ...env, SIP_LISTEN: `udp:127.0.0.1:${await freePort()}` });
  const { keys, workspace } = credentialsOf(env.DATA_DIR ?? "");
  await leadlineJson(["trunk", "add", "--name", "Provider", "--gateway", `udp:127.0.0.1:${phone.port}`], { env });
  const from = "+972551112233";
  await leadlineJson(["number", "add", from, "--workspace", workspace.uid, "--trunk", "Provider"], { env });
  const settings = { name: "Noa", system_prompt: "Be kind.", language: "en", greeting_message: "Hello, this is the clinic." };
  const agent = await jsonOf<{ id: string }>(ask(`${server.url}/agents`, keys.yappr, settings));
  await jsonOf(ask(`${server.url}/calls`, keys.yappr, { agent_id: agent.id, from, to: "+972501234567" }));
  await until(async () => (await query("select from calls where status = 'in_progress'")).length > 0, { what: "a call that is answered" });
  await server.stop();
  const [call] = await query("select status, disconnect_reason, sip_status, (select count(*)::int from live_calls) as leases from calls");
  assert.deepEqual(call, { status: "ended", disconnect_reason: "Server stopped", sip_status: 200, leases: 0 });
  phone.process.kill("SIGKILL");
});
