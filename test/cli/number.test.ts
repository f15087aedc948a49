import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { newId } from "../../src/platform/ids.ts";
import { ownStore } from "./own-store.ts";
import { leadline, leadlineJson } from "./warm.ts";

const store = await ownStore();
const options = { env: store.env };
const number = (...args: string[]) => leadline(["number", ...args], options);

interface Shown {
  id: string;
  phone: string;
  friendly_name: string | null;
  trunk: string | null;
  inbound_agent_id: string | null;
  outbound_agent_id: string | null;
  is_active: boolean;
}
const numberJson = (...args: string[]) => leadlineJson<Shown>(["number", ...args], options);
const listed = (...args: string[]) => leadlineJson<Shown[]>(["number", "list", ...args], options);

const create = ["workspace", "create", "--time-zone", "Asia/Jerusalem", "--country", "IL", "--name"];
const mine = await leadlineJson<{ id: string; uid: string }>([...create, "Mine"], options);
await leadline(["trunk", "add", "--name", "Provider", "--gateway", "udp:192.0.2.1"], options);
await leadline(["trunk", "add", "--name", "Other", "--gateway", "udp:192.0.2.2"], options);

const agentId = newId();
await store.query(
  `insert into agents (workspace_id, id, version, is_active, settings, created_at, updated_at)
   values ($1, $2, 1, true, '{"name": "Maya"}', now(), now())`,
  [mine.id, agentId],
);
const [{ agent } = { agent: 0 }] = await store.query<{ agent: number }>("select number::int as agent from agents where id = $1", [agentId]);

test("without numbers, list says how to add one", async () => {
  assert.equal((await number("list")).out, "No numbers yet. Add one: leadline number add +972551234567\n");
  assert.deepEqual(await listed(), []);
});

describe("number add", () => {
  test("without a trunk, calls go to the simulated carrier", async () => {
    const { code, out } = await number("add", "055-123-4567", "--name", "Reception");
    assert.equal(code, 0);
    assert.equal(out, "+972551234567 can be called from: calls go to the simulated carrier.\n");
    const [shown] = await listed();
    assert.deepEqual([shown?.phone, shown?.friendly_name, shown?.trunk], ["+972551234567", "Reception", null]);
  });

  test("on a trunk, with who answers: an agent by id or by number", async () => {
    const first = await number(
      "add",
      "+972551234568",
      "--trunk",
      "provider",
      "--inbound-agent",
      agentId,
      "--outbound-agent",
      String(agent),
    );
    assert.equal(first.out, "+972551234568 can be called from: calls go over the trunk Provider.\nCalls to it are answered by Maya.\n");
    const second = await numberJson("add", "+972551234569", "--trunk", "Provider", "--inbound-agent", String(agent));
    assert.deepEqual([second.trunk, second.inbound_agent_id, second.outbound_agent_id], ["Provider", agentId, null]);
    const third = await number("add", "+972551234570", "--trunk", "Provider");
    assert.match(
      third.out,
      /\nNobody answers calls to it\. To change that: leadline number update \+972551234570 --inbound-agent <agent>\n$/,
    );
    const { out } = await number("list");
    assert.match(out, /^NUMBER +NAME +TRUNK +ANSWERED BY +COUNTRY +STATUS +ADDED/);
    assert.match(out, /^\+972551234567 +Reception +simulated +nobody +IL +active /m);
    assert.match(out, new RegExp(`^\\+972551234568 +- +Provider +Maya \\(${agent}\\) +IL +active `, "m"));
    assert.match(
      (await leadline(["trunk", "show", "Provider"], options)).out,
      new RegExp(`\\+972551234570 +- +Mine \\(${mine.uid}\\) +active +nobody`),
    );
  });

  const refusals: Array<[what: string, args: string[], says: RegExp]> = [
    ["what is no number", ["add", "12"], /cannot be read/],
    ["a number that is there", ["add", "+972551234567"], /is a number of the workspace already/],
    ["an unknown trunk", ["add", "+972551234599", "--trunk", "Nobody"], /There is no trunk Nobody\./],
    ["an unknown agent", ["add", "+972551234599", "--inbound-agent", "4711"], /There is no agent 4711\./],
    ["no number at all", ["add"], /missing required argument/],
    ["nothing to change", ["update", "+972551234567"], /nothing to change/],
    ["a number that is not there", ["update", "+972551234599", "--status", "off"], /There is no phone number \+972551234599\./],
    ["a status that there is not", ["update", "+972551234567", "--status", "idle"], /Allowed choices are active, off/],
    ["to remove what is not there", ["remove", "+972551234599"], /There is no phone number \+972551234599\./],
  ];
  for (const [what, args, says] of refusals) {
    test(`${what}: one sentence, exit code 1, nothing on standard output`, async () => {
      const { code, out, err } = await number(...args);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, /^leadline: [^\n]+\n$/);
      assert.match(err, says);
    });
  }
});

describe("number update", () => {
  test("does not say that a call is answered which is refused: the number or its agent is off", async () => {
    const off = await number("update", "+972551234568", "--inbound-agent", String(agent), "--status", "off");
    assert.equal(off.out, "+972551234568 is off: no calls go out from it, and calls to it are refused.\n");
    await store.query("update agents set is_active = false where id = $1", [agentId]);
    const on = await number("update", "+972551234568", "--status", "active");
    assert.match(on.out, /\nCalls to it are refused: Maya, who would answer, is not active\.\n$/);
    await store.query("update agents set is_active = true where id = $1", [agentId]);
  });

  test("moves it, names it, says who answers, and turns it off; and takes each away", async () => {
    const args = ["--trunk", "Other", "--name", "Desk", "--inbound-agent", String(agent), "--outbound-agent", agentId, "--status", "off"];
    const changed = await numberJson("update", "0551234567", ...args);
    assert.deepEqual(
      [changed.trunk, changed.friendly_name, changed.inbound_agent_id, changed.outbound_agent_id, changed.is_active],
      ["Other", "Desk", agentId, agentId, false],
    );
    const bare = await number("update", changed.id, "--no-trunk", "--no-name", "--no-inbound-agent", "--no-outbound-agent");
    assert.equal(bare.out, "+972551234567 is off: no calls go out from it, and calls to it are refused.\n");
    const [shown] = await listed();
    assert.deepEqual(
      [shown?.trunk, shown?.friendly_name, shown?.inbound_agent_id, shown?.outbound_agent_id, shown?.is_active],
      [null, null, null, null, false],
    );
  });
});

test("number remove takes it away, from the trunk too", async () => {
  assert.equal((await number("remove", "+972551234568")).out, "+972551234568 is removed.\n");
  const removed = await numberJson("remove", "+972551234569");
  assert.deepEqual(Object.keys(removed), ["id", "phone"]);
  assert.deepEqual(
    (await listed()).map(({ phone }) => phone),
    ["+972551234567", "+972551234570"],
  );
  const { number_count } = await leadlineJson<{ number_count: number }>(["trunk", "show", "Provider"], options);
  assert.equal(number_count, 1);
});

test("a number that another workspace has on the trunk is refused without saying whose it is", async () => {
  const theirs = await leadlineJson<{ uid: string }>([...create, "Theirs"], options);
  const { code, err } = await number("add", "+972551234570", "--trunk", "Provider", "--workspace", theirs.uid);
  assert.equal(code, 1);
  assert.equal(err, "leadline: +972551234570 is on that trunk already, in another workspace.\n");
  assert.match((await number("list")).err, /There are several workspaces; say which one/);
  assert.equal((await number("list", "--workspace", theirs.uid)).out, "No numbers yet. Add one: leadline number add +972551234567\n");
});
