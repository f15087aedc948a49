import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ConfigError, readConfig } from "../../src/config.ts";
import { createLog } from "../../src/platform/log.ts";
import { openEmbedded } from "../../src/platform/postgres/embedded/embedded.ts";
import { databaseRuns, leadline as leadlineProcess, temporaryFolder } from "./support.ts";
import { leadline, leadlineJson } from "./warm.ts";

interface MadeKey {
  number: number;
  key: string;
  kind: string;
  scopes: string[];
  expires_at: string | null;
  workspace: { uid: string } | null;
  directory: { uid: string } | null;
}

describe("commands on a data directory where no server runs", () => {
  const dataDir = join(temporaryFolder(), "data");
  const options = { env: { DATA_DIR: dataDir } };
  let workspaceUid: string;
  let directoryUid: string;
  let leave = async () => {};

  test("an empty store says how to fill it, and has no demo", async () => {
    const workspaces = await leadlineProcess(["workspace", "list"], options);
    assert.deepEqual(workspaces, { code: 0, out: "No workspaces yet. Make one: leadline workspace create --help\n", err: "" });
    assert.match((await leadline(["key", "list"], options)).out, /^No keys yet\. Make one: leadline key create /);
    assert.match(
      (await leadline(["key", "create", "--dialect", "yappr"], options)).err,
      /^leadline: There is no workspace yet\. [^\n]*\n$/,
    );
    assert.ok(!databaseRuns(dataDir), "a command stops the database that it started");
    // The commands that follow join the one who is there: it need not be started for each.
    const { close } = await openEmbedded({ dataDir, tenancy: "command", log: createLog("fatal") });
    leave = close;
  });

  after(async () => {
    await leave();
    assert.ok(!databaseRuns(dataDir), "the last who leaves stops the database");
  });

  test("a partner and its workspace", async () => {
    const directory = await leadlineJson<{ uid: string }>(["directory", "create", "--name", "Agency"], options);
    directoryUid = directory.uid;
    const create = ["workspace", "create", "--name", "Clinic \u001b[31m", "--time-zone", "Europe/Sofia", "--country", "bg"];
    const made = await leadlineJson<{ uid: string; country: string; webhook_secret: string }>(
      [...create, "--nickname", "smile.clinic", "--directory", directoryUid],
      options,
    );
    workspaceUid = made.uid;
    assert.equal(made.country, "BG");
    assert.match(made.webhook_secret, /^whsec_/);
    const [listed] = await leadlineJson<Array<{ uid: string; nickname: string }>>(["workspace", "list"], options);
    assert.equal(listed?.uid, workspaceUid);
    const shown = (await leadline(["workspace", "list"], options)).out;
    assert.match(shown, /^UID +NICKNAME +NAME /);
    assert.ok(!shown.includes("\u001b"), "a name cannot steer the terminal");
    assert.match((await leadline(["directory", "list"], options)).out, new RegExp(`${directoryUid} +Agency +1 `));
    const rotated = await leadlineJson<{ webhook_secret: string }>(["webhook-secret", "rotate"], options);
    assert.match(rotated.webhook_secret, /^whsec_/);
    assert.notEqual(rotated.webhook_secret, made.webhook_secret);
    assert.match((await leadline(["outbox", "list"], options)).out, /^Nothing in the outbox/);
    assert.match((await leadline(["deliveries", "list"], options)).out, /^No deliveries\. /);
  });

  test("keys take Leadline's scopes and the dialect's own, several times, and an expiry", async () => {
    const scopes = ["--scope", "leads:manage", "--scope", "lists:read"];
    const narrow = await leadlineJson<MadeKey>(["key", "create", "--dialect", "yappr", ...scopes, "--expires", "30d"], options);
    assert.deepEqual(narrow.scopes, ["leads:write", "lists:read"]);
    const days = (Date.parse(narrow.expires_at ?? "") - Date.now()) / 86_400_000;
    assert.ok(days > 29.9 && days < 30.1, `${days} days`);
    assert.equal(narrow.workspace?.uid, workspaceUid);
    const dated = await leadlineJson<MadeKey>(["key", "create", "--dialect", "vcita", "--expires", "2090-01-02"], options);
    assert.deepEqual([dated.kind, dated.expires_at], ["staff", "2090-01-02T00:00:00.000Z"]);
    const partner = ["key", "create", "--dialect", "vcita", "--kind", "directory", "--directory", directoryUid];
    assert.equal((await leadlineJson<MadeKey>(partner, options)).directory?.uid, directoryUid);
    const list = (await leadline(["key", "list", "--workspace", "smile.clinic"], options)).out;
    assert.equal(list.trim().split("\n").length, 3, "a heading and the workspace's two keys");
    assert.ok(!list.includes(narrow.key));
    assert.match((await leadline(["key", "list"], options)).out, new RegExp(` directory ${directoryUid} `));
  });

  test("a revoked key shows as such; revoking it again changes nothing", async () => {
    const { number } = await leadlineJson<MadeKey>(["key", "create", "--dialect", "aiployees"], options);
    const first = await leadlineJson<{ revoked_at: string }>(["key", "revoke", String(number)], options);
    assert.deepEqual(await leadlineJson(["key", "revoke", String(number)], options), first);
    assert.match((await leadline(["key", "list"], options)).out, new RegExp(`^${number} .* revoked `, "m"));
  });

  const refusals: Array<[name: string, args: string[], says: RegExp]> = [
    ["a scope that neither knows", ["key", "create", "--dialect", "yappr", "--scope", "leads:eat"], /no scope leads:eat\. .*leads:manage/],
    ["an expiry in the past", ["key", "create", "--dialect", "yappr", "--expires", "2020-01-01"], /would have expired already/],
    ["a day that is in no calendar", ["key", "create", "--dialect", "yappr", "--expires", "2030-02-30"], /--expires/],
    ["a dialect that there is not", ["key", "create", "--dialect", "morse"], /Allowed choices are vcita, topcalls, aiployees, yappr/],
    ["no dialect", ["key", "create"], /--dialect/],
    ["a directory key without a directory", ["key", "create", "--dialect", "vcita", "--kind", "directory"], /needs --directory/],
    ["an unknown workspace", ["key", "create", "--dialect", "yappr", "--workspace", "nobody"], /There is no workspace nobody\./],
    ["an unknown delivery", ["deliveries", "replay", "01a1f983-05b6-76bb-868d-43e04b1ac48c"], /There is no delivery 01a1f983/],
    ["an unknown key", ["key", "revoke", "4711"], /There is no api key 4711\./],
    [
      "a time zone and a country that there are not",
      ["workspace", "create", "--name", "x", "--time-zone", "Mars/Base", "--country", "XX"],
      /Mars\/Base.*XX/,
    ],
    [
      "a nickname that is taken",
      ["workspace", "create", "--name", "x", "--time-zone", "UTC", "--country", "IL", "--nickname", "smile.clinic"],
      /taken/,
    ],
    [
      "an owner who cannot be reached",
      [
        ...["workspace", "create", "--name", "x", "--time-zone", "UTC", "--country", "IL"],
        ...["--owner-name", "x".repeat(201), "--owner-email", "olga", "--owner-phone", "12"],
      ],
      /owner's name must have 1 to 200 characters\. .*such as olga@example\.com, not olga\. .*phone number cannot be read/,
    ],
    ["an option that is empty", ["key", "list", "--workspace", ""], /^leadline: --workspace is empty\.\n$/],
    [
      "one of several that is empty",
      ["trunk", "add", "--name", "x", "--gateway", "udp:192.0.2.1", " "],
      /^leadline: --gateway is empty\.\n$/,
    ],
    ["an argument that is empty", ["key", "revoke", ""], /^leadline: <key> is empty\.\n$/],
    ["calls, but none of them", ["call", "list", "--limit", "0"], /--limit.*whole number from 1 on/],
    ["an unknown command", ["dance"], /unknown command 'dance'/],
    ["an unknown option", ["migrate", "--fast"], /unknown option '--fast'/],
  ];
  for (const [name, args, says] of refusals) {
    test(`${name}: one sentence, exit code 1, nothing on standard output`, async () => {
      const { code, out, err } = await leadline(args, options);
      assert.equal(code, 1);
      assert.equal(out, "");
      assert.match(err, /^leadline: [^\n]+\n$/);
      assert.match(err, says);
    });
  }

  test("doctor finds a running set-up well, and says what is wrong with another", async () => {
    const well = await leadlineJson<{ ok: boolean; findings: Array<{ about: string; state: string }> }>(["doctor"], {
      env: { ...options.env, PORT: "0" },
    });
    assert.equal(well.ok, true);
    assert.ok(well.findings.some(({ about, state }) => about === "migrations" && state === "ok"));
    const ill = await leadline(["doctor"], {
      env: { ...options.env, PORT: "0", SMTP_URL: "smtp://127.0.0.1:1", MASTER_KEY: "k".repeat(32) },
    });
    assert.equal(ill.code, 1);
    assert.match(ill.out, /WRONG +database +MASTER_KEY is not the one/);
    assert.match(ill.out, /WRONG +mail +.*ECONNREFUSED/);
    assert.match(ill.out, /2 things need seeing to\./);
  });
});

describe("settings that cannot be used", () => {
  const settings: Array<[name: string, value: string]> = [
    ["PORT", "eighty"],
    ["DATABASE_URL", "mysql://db/leadline"],
    ["RATE_LIMIT_PER_MINUTE", "-1"],
    ["OUTBOUND_ALLOW_PRIVATE", "maybe"],
    ["SIMULATOR_SPEED", "fast"],
    ["MASTER_KEY", "short"],
    ["MAIL_FROM", "nobody"],
    ["LOG_LEVEL", "loud"],
    ["RECORDINGS_KEEP_DAYS", "0"],
  ];
  for (const [name, value] of settings) {
    test(`${name}=${value} is refused with a sentence that names it`, () => {
      assert.throws(() => readConfig({ [name]: value }), { constructor: ConfigError, message: new RegExp(`^${name} must [^\n]+\\.$`) });
    });
  }

  test("an empty setting counts as not set", () => {
    assert.deepEqual(readConfig({ PORT: "", HOST: " ", DATABASE_URL: "", SMTP_URL: "" }), readConfig({}));
  });

  test("a bad setting stops the start", async () => {
    const { code, out, err } = await leadlineProcess(["start"], { env: { PORT: "eighty" } });
    assert.deepEqual(
      { code, out, err },
      { code: 1, out: "", err: 'leadline: PORT must be a whole number from 0 to 65535, not "eighty".\n' },
    );
  });

  test("a data directory that cannot be made is named, without a stack trace unless LOG_LEVEL=debug", async () => {
    const { code, err } = await leadline(["workspace", "list"], { env: { DATA_DIR: "/proc/leadline" } });
    assert.equal(code, 1);
    assert.match(err, /^leadline: DATA_DIR \/proc\/leadline cannot be written\.[^\n]*\n$/);
    const debug = await leadline(["workspace", "list"], { env: { DATA_DIR: "/proc/leadline", LOG_LEVEL: "debug" } });
    assert.match(debug.err, /\n +at /);
  });

  test("a database that does not answer is named without its password", async () => {
    const env = { DATABASE_URL: "postgres://someone:hunter2@127.0.0.1:1/leads", DATA_DIR: temporaryFolder() };
    const { code, err } = await leadline(["key", "list"], { env });
    assert.equal(code, 1);
    assert.match(err, /^leadline: The database 127\.0\.0\.1:1\/leads cannot be used\.[^\n]*\n$/);
    assert.ok(!err.includes("hunter2"));
  });
});
