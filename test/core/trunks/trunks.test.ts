import assert from "node:assert/strict";
import { describe, test } from "node:test";
import pg from "pg";
import { addPhoneNumber } from "../../../src/core/phone-numbers/addPhoneNumber.ts";
import { listPhoneNumbers } from "../../../src/core/phone-numbers/listPhoneNumbers.ts";
import { addTrunk } from "../../../src/core/trunks/addTrunk.ts";
import { TRUNKS_CHANNEL } from "../../../src/core/trunks/channel.ts";
import type { TrunkSettings } from "../../../src/core/trunks/fields.ts";
import { getTrunk } from "../../../src/core/trunks/getTrunk.ts";
import { listTrunks } from "../../../src/core/trunks/listTrunks.ts";
import { keepTrunkHealth, recordTrunkHealth } from "../../../src/core/trunks/recordTrunkHealth.ts";
import { removeTrunk } from "../../../src/core/trunks/removeTrunk.ts";
import { updateTrunk } from "../../../src/core/trunks/updateTrunk.ts";
import { newId } from "../../../src/platform/ids.ts";
import { until } from "../../support/until.ts";
import { startWorld } from "../../support/world.ts";

const world = await startWorld();
const { house } = world;

let made = 0;
const named = (settings: Partial<TrunkSettings> = {}): TrunkSettings => ({
  name: `Trunk ${++made}`,
  gateways: ["udp:sip.example.com:5060"],
  ...settings,
});

const passwordOf = async (id: string): Promise<string | null> => {
  const row = await house.db.kysely.selectFrom("trunks").select("password").where("id", "=", id).executeTakeFirstOrThrow();
  return row.password && house.secrets.open(row.password);
};

describe("a trunk", () => {
  test("needs no more than a name and a gateway", async () => {
    const { id, created_at, updated_at, ...trunk } = await addTrunk(house, { name: " Plain ", gateways: ["TLS:SIP.Example.com"] });
    assert.deepEqual(trunk, {
      name: "Plain",
      gateways: [{ protocol: "tls", host: "sip.example.com", port: null }],
      domain: null,
      username: null,
      register: false,
      codecs: ["PCMA", "PCMU"],
      caller_id: "e164",
      srtp: "off",
      max_channels: null,
      calls_per_second: null,
      inbound_networks: [],
      version: 1,
    });
    const view = await getTrunk(house, "PLAIN");
    assert.deepEqual([view.id, view.channels_in_use, view.number_count, view.health, view.numbers], [id, 0, 0, [], []]);
    assert.deepEqual([view.created_at, view.updated_at], [created_at, updated_at]);
  });

  test("keeps everything it is given, and its password sealed", async () => {
    const given = named({
      gateways: ["udp:192.0.2.10", "tcp:[2001:DB8::1]:5070"],
      domain: "Clinic.sip.example.com",
      username: "clinic",
      password: " pass word: \\ \" '",
      register: true,
      codecs: ["ulaw", "PCMA", "pcmu"],
      callerId: "national",
      srtp: "require",
      maxChannels: 30,
      callsPerSecond: 0.5,
      inboundNetworks: ["198.51.100.0/24", "203.0.113.7", "2001:db8:1::/48", "::ffff:192.0.2.1"],
    });
    const trunk = await addTrunk(house, given);
    assert.deepEqual(trunk.gateways, [
      { protocol: "udp", host: "192.0.2.10", port: 5060 },
      { protocol: "tcp", host: "2001:db8::1", port: 5070 },
    ]);
    assert.deepEqual(
      [trunk.domain, trunk.username, trunk.register, trunk.codecs, trunk.caller_id, trunk.srtp, trunk.max_channels, trunk.calls_per_second],
      ["clinic.sip.example.com", "clinic", true, ["PCMU", "PCMA"], "national", "require", 30, 0.5],
    );
    assert.deepEqual(trunk.inbound_networks, ["198.51.100.0/24", "203.0.113.7/32", "2001:db8:1::/48", "192.0.2.1/32"]);
    assert.equal(await passwordOf(trunk.id), given.password);
    for (const shown of [trunk, await getTrunk(house, trunk.id), await listTrunks(house)]) {
      assert.ok(!JSON.stringify(shown).includes("pass word"));
      assert.ok(!JSON.stringify(shown).includes('"password"'));
    }
    const stored = await house.db.pool.query<{ password: Buffer }>("select password from trunks where id = $1", [trunk.id]);
    assert.ok(!stored.rows[0]?.password.toString("latin1").includes("pass word"));
  });

  const refused: Array<[what: string, settings: Partial<TrunkSettings>, path: Array<string | number>, says: RegExp]> = [
    ["no name", { name: " " }, ["name"], /1 to 64/],
    ["a long name", { name: "x".repeat(65) }, ["name"], /1 to 64/],
    ["a name that steers terminals", { name: "a\u001b[31m" }, ["name"], /control/],
    ["a name that nobody can see", { name: "a\u200b" }, ["name"], /invisible/],
    ["a name like an option", { name: "--force" }, ["name"], /dash/],
    ["a name like an id", { name: newId() }, ["name"], /id/],
    ["no gateway", { gateways: [] }, ["gateways"], /needs a gateway/],
    ["nine gateways", { gateways: Array.from({ length: 9 }, (_, n) => `udp:192.0.2.${n + 1}`) }, ["gateways"], /at most 8/],
    [
      "one gateway twice",
      { gateways: ["udp:A.example:5060", "udp:a.example.:5060"] },
      ["gateways", 1],
      /udp:a\.example:5060 is given twice/,
    ],
    ["a gateway without its protocol", { gateways: ["sip.example.com"] }, ["gateways", 0], /sip\.example\.com is no gateway/],
    ["a domain that is a URL", { domain: "sip:example.com" }, ["domain"], /host name or an IP/],
    ["a username alone", { username: "u" }, ["password"], /username needs a password/],
    ["a password alone", { password: "hunter2" }, ["username"], /password needs a username/],
    ["to register without credentials", { register: true }, ["username"], /registers needs a username/],
    ["a password of two lines", { username: "u", password: "hunter2\r\nX" }, ["password"], /control characters/],
    ["no codec", { codecs: [] }, ["codecs"], /pcma/],
    ["a codec that we lack", { codecs: ["pcma", "g729"] }, ["codecs", 1], /no codec g729 here/],
    ["no channels", { maxChannels: 0 }, ["maxChannels"], /1 to 100000/],
    ["half a channel", { maxChannels: 1.5 }, ["maxChannels"], /whole number/],
    ["too slow", { callsPerSecond: 0.05 }, ["callsPerSecond"], /0\.1 to 1000/],
    ["no number of calls", { callsPerSecond: Number.NaN }, ["callsPerSecond"], /0\.1 to 1000/],
    ["no network", { inboundNetworks: ["sip.example.com"] }, ["inboundNetworks", 0], /no IP network/],
    ["everybody", { inboundNetworks: ["198.51.100.1", "0.0.0.0/0"] }, ["inboundNetworks", 1], /strangers could call in/],
    ["everybody, mapped", { inboundNetworks: ["::ffff:0.0.0.0/96"] }, ["inboundNetworks", 0], /0\.0\.0\.0\/0 is so wide/],
  ];
  for (const [what, settings, path, says] of refused) {
    test(`is refused with ${what}, in words that never hold a password`, async () => {
      await assert.rejects(addTrunk(house, named(settings)), (error: unknown) => {
        assert.ok(error instanceof Error && "issues" in error && Array.isArray(error.issues));
        assert.deepEqual(error.issues[0].path, path);
        assert.match(error.message, says);
        assert.ok(!error.message.includes("hunter2"));
        return true;
      });
    });
  }

  test("tells all that is wrong at once", async () => {
    await assert.rejects(
      addTrunk(house, named({ gateways: ["x", "udp:"], codecs: ["g722"], maxChannels: -1, register: true })),
      (error) => {
        assert.ok(error instanceof Error && "issues" in error && Array.isArray(error.issues));
        return error.issues.length === 5;
      },
    );
  });

  test("lets everybody call in when that is meant", async () => {
    const trunk = await addTrunk(house, named({ inboundNetworks: ["0.0.0.0/0", "::/0"], letAnybodyCallIn: true }));
    assert.deepEqual(trunk.inbound_networks, ["0.0.0.0/0", "::/0"]);
  });

  test("has its name alone: of 20 that are added at once, in small and capital letters, one is there", async () => {
    const name = `Same ${newId().slice(-4)}`;
    const all = Array.from({ length: 20 }, (_, n) => addTrunk(house, named({ name: n % 2 ? name.toUpperCase() : name.toLowerCase() })));
    const outcomes = await Promise.allSettled(all);
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    for (const outcome of outcomes) {
      if (outcome.status === "rejected") assert.deepEqual([outcome.reason.kind, outcome.reason.code], ["conflict", "name_taken"]);
    }
    assert.equal((await listTrunks(house)).filter((one) => one.name.toLowerCase() === name.toLowerCase()).length, 1);
  });
});

describe("changing a trunk", () => {
  test("changes what is given and counts", async () => {
    const trunk = await addTrunk(house, named({ username: "u", password: "first", domain: "d.example", maxChannels: 3 }));
    const changed = await updateTrunk(house, trunk.name, { password: "second", gateways: ["tcp:other.example"], maxChannels: null });
    assert.deepEqual(changed, {
      ...trunk,
      gateways: [{ protocol: "tcp", host: "other.example", port: null }],
      max_channels: null,
      version: 2,
      updated_at: changed.updated_at,
    });
    assert.equal(await passwordOf(trunk.id), "second");
    assert.equal((await updateTrunk(house, trunk.id, { name: "Renamed" })).name, "Renamed");
    assert.equal(await passwordOf(trunk.id), "second");
  });

  test("takes the password away with the username, but not while it registers", async () => {
    const trunk = await addTrunk(house, named({ username: "u", password: "p", register: true }));
    await assert.rejects(updateTrunk(house, trunk.id, { username: null }), /registers needs a username/);
    assert.equal(await passwordOf(trunk.id), "p");
    const open = await updateTrunk(house, trunk.id, { username: null, register: false });
    assert.deepEqual([open.username, open.register, await passwordOf(trunk.id)], [null, false, null]);
    await assert.rejects(updateTrunk(house, trunk.id, { register: true }), /registers needs a username/);
  });

  test("is refused for nothing, for nobody, and for a name that another has", async () => {
    const [one, other] = [await addTrunk(house, named()), await addTrunk(house, named())];
    await assert.rejects(updateTrunk(house, one.id, {}), { kind: "invalid_input" });
    await assert.rejects(updateTrunk(house, one.id, { name: other.name.toUpperCase() }), { kind: "conflict", code: "name_taken" });
    await assert.rejects(updateTrunk(house, "nobody", { name: "x" }), { kind: "not_found", resource: "trunk" });
    await assert.rejects(updateTrunk(house, newId(), { name: "x" }), { kind: "not_found", resource: "trunk" });
    assert.equal((await getTrunk(house, one.id)).version, 1);
  });

  test("at once by 20, all of them count; and no two leave what neither may: registering without a username", async () => {
    const trunk = await addTrunk(house, named());
    await Promise.all(Array.from({ length: 20 }, (_, n) => updateTrunk(house, trunk.id, { maxChannels: n + 1 })));
    assert.equal((await getTrunk(house, trunk.id)).version, 21);
    for (let round = 0; round < 5; round++) {
      await updateTrunk(house, trunk.id, { username: "u", password: "p", register: false });
      const outcomes = await Promise.allSettled([
        updateTrunk(house, trunk.id, { register: true }),
        updateTrunk(house, trunk.id, { username: null }),
      ]);
      assert.equal(outcomes.filter(({ status }) => status === "rejected").length, 1);
      const left = await getTrunk(house, trunk.id);
      assert.equal(left.register, left.username !== null);
    }
  });
});

describe("what goes on at a trunk", () => {
  test("is the channels in use, its numbers, and the health that living nodes report of its gateways", async () => {
    const trunk = await addTrunk(house, named({ gateways: ["udp:a.example:5060", "udp:b.example:5060"], maxChannels: 9 }));
    const tenant = await world.tenant();
    await addPhoneNumber(tenant.ctx, { phone: "+972551110001", trunkId: trunk.id, friendlyName: "Desk" });
    await house.db.kysely.updateTable("trunk_capacity").set({ in_use: 7 }).where("trunk_id", "=", trunk.id).execute();
    const [alive, dead] = [newId(), newId()];
    await house.db.pool.query(
      `insert into nodes (id, host, pid, heartbeat_at) values ($1, 'voice1', 11, now()), ($2, 'voice2', 12, now() - interval '1 minute')`,
      [alive, dead],
    );
    const at = new Date("2030-01-01T00:00:00Z");
    const row = { trunk_id: trunk.id, state: "up", detail: "answers", changed_at: at, checked_at: at } as const;
    await house.db.kysely
      .insertInto("trunk_health")
      .values([
        { ...row, node_id: alive, gateway: "udp:b.example:5060", check_kind: "options", state: "down", detail: "no answer" },
        { ...row, node_id: alive, gateway: "udp:a.example:5060", check_kind: "options" },
        { ...row, node_id: alive, gateway: "udp:a.example:5060", check_kind: "registration" },
        { ...row, node_id: alive, gateway: "udp:gone.example:5060", check_kind: "options" },
        { ...row, node_id: dead, gateway: "udp:a.example:5060", check_kind: "options" },
      ])
      .execute();
    const view = await getTrunk(house, trunk.id);
    const node = { id: alive, host: "voice1", pid: 11 };
    const found = { check: "options", changed_at: at, checked_at: at, node };
    assert.deepEqual(view.health, [
      { ...found, gateway: "udp:a.example:5060", state: "up", detail: "answers" },
      { ...found, gateway: "udp:b.example:5060", state: "down", detail: "no answer" },
    ]);
    assert.deepEqual([view.channels_in_use, view.number_count], [7, 1]);
    assert.deepEqual(
      view.numbers.map(({ phone, friendly_name, workspace_uid }) => [phone, friendly_name, workspace_uid]),
      [["+972551110001", "Desk", tenant.workspace.uid]],
    );
    const { numbers, ...listed } = view;
    assert.deepEqual(
      (await listTrunks(house)).find(({ id }) => id === trunk.id),
      listed,
    );
  });
});

describe("what a node finds of a trunk", () => {
  test("is written whatever the gateway's words, tells since when it is so, and goes when it is no longer checked", async () => {
    const trunk = await addTrunk(house, named({ gateways: ["udp:a.example:5060"] }));
    const nodeId = newId();
    const at = (second: number) => new Date(Date.UTC(2030, 0, 1, 0, 0, second));
    const found = {
      trunkId: trunk.id,
      gateway: "udp:a.example:5060",
      check: "options",
      state: "down",
      detail: "503 Bu\0sy",
      at: at(1),
    } as const;
    assert.equal(await recordTrunkHealth(house, nodeId, found), false, "the node is not registered yet");
    await house.db.pool.query("insert into nodes (id, host, pid) values ($1, 'voice1', 11)", [nodeId]);
    assert.equal(await recordTrunkHealth(house, nodeId, found), true);
    assert.equal(await recordTrunkHealth(house, nodeId, { ...found, trunkId: newId() }), false, "there is no such trunk");
    await recordTrunkHealth(house, nodeId, { ...found, detail: "no answer", at: at(2) });
    const seen = async () =>
      (await getTrunk(house, trunk.id)).health.map(({ state, detail, changed_at, checked_at }) => [state, detail, changed_at, checked_at]);
    assert.deepEqual(await seen(), [["down", "no answer", at(1), at(2)]]);
    await recordTrunkHealth(house, nodeId, { ...found, state: "up", detail: "200 OK \ud83d", at: at(3) });
    await keepTrunkHealth(house, nodeId, [found]);
    assert.deepEqual(await seen(), [["up", "200 OK \ufffd", at(3), at(3)]]);
    await keepTrunkHealth(house, nodeId, []);
    assert.deepEqual(await seen(), []);
  });
});

describe("removing a trunk", () => {
  test("is refused while numbers are on it, naming them; else it takes them off", async () => {
    const trunk = await addTrunk(house, named({ name: "Busy" }));
    const { ctx } = await world.tenant();
    const number = await addPhoneNumber(ctx, { phone: "+972551110002", trunkId: trunk.id });
    await assert.rejects(removeTrunk(house, "busy"), {
      kind: "conflict",
      code: "in_use",
      message: "The trunk Busy has a number on it: +972551110002 (Test clinic).",
    });
    const removed = await removeTrunk(house, "busy", { takeNumbersOff: true });
    assert.deepEqual([removed.trunk.id, removed.numbers.map(({ phone }) => phone)], [trunk.id, ["+972551110002"]]);
    assert.deepEqual(await listPhoneNumbers(ctx), [{ ...number, trunk_id: null }]);
    for (const table of ["trunk_numbers", "trunk_capacity"]) {
      const { rowCount } = await house.db.pool.query(`select from ${table} where trunk_id = $1`, [trunk.id]);
      assert.equal(rowCount, 0, table);
    }
    await assert.rejects(removeTrunk(house, trunk.id), { kind: "not_found", resource: "trunk" });
  });

  test("and putting numbers on it at the same time: it is there with numbers, or gone without", async () => {
    const { ctx } = await world.tenant();
    for (let round = 0; round < 10; round++) {
      const trunk = await addTrunk(house, named());
      const adding = Array.from({ length: 4 }, (_, n) => addPhoneNumber(ctx, { phone: `+97255200${round}${n}00`, trunkId: trunk.id }));
      const outcomes = await Promise.allSettled([removeTrunk(house, trunk.id), ...adding]);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") assert.ok(["conflict", "not_found"].includes(outcome.reason.kind), String(outcome.reason));
      }
      const kept = (await listPhoneNumbers(ctx)).filter(({ trunk_id }) => trunk_id === trunk.id);
      const still = (await listTrunks(house)).find(({ id }) => id === trunk.id);
      assert.equal(still?.number_count ?? 0, kept.length);
      assert.equal(still === undefined, outcomes[0]?.status === "fulfilled");
    }
  });

  test("by force and adding at the same time leaves no number on a trunk that is gone", async () => {
    const { ctx } = await world.tenant();
    for (let round = 0; round < 10; round++) {
      const trunk = await addTrunk(house, named());
      const adding = Array.from({ length: 4 }, (_, n) => addPhoneNumber(ctx, { phone: `+97255300${round}${n}00`, trunkId: trunk.id }));
      const [removal] = await Promise.allSettled([removeTrunk(house, trunk.id, { takeNumbersOff: true }), ...adding]);
      assert.equal(removal?.status, "fulfilled");
      assert.ok((await listPhoneNumbers(ctx)).every(({ trunk_id }) => trunk_id === null));
    }
  });
});

test("every change is told, once it is there to be read", async () => {
  const listening = new pg.Client(world.connection);
  const told: string[] = [];
  await listening.connect();
  try {
    listening.on("notification", ({ channel, payload }) => void told.push(`${channel} ${payload}`));
    await listening.query(`listen ${TRUNKS_CHANNEL}`);
    const { id } = await addTrunk(house, named());
    await updateTrunk(house, id, { register: false });
    await removeTrunk(house, id);
    await until(() => told.length >= 3);
    assert.deepEqual(told, Array(3).fill(`leadline_trunks ${id}`));
  } finally {
    await listening.end();
  }
});
