import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { readConfig } from "../../src/config.ts";
import { createLog } from "../../src/platform/log.ts";
import { openStore } from "../../src/store.ts";
import { freePort } from "../sip/support/ports.ts";
import { until } from "../support/until.ts";

/** The real program on a folder of its own, with the real durability settings. */
class Installation {
  readonly folder = mkdtempSync(join(tmpdir(), "leadline-crash-"));
  readonly port: number;
  #server: ChildProcess | undefined;

  private constructor(port: number) {
    this.port = port;
    chmodSync(this.folder, 0o755);
  }

  static async create(): Promise<Installation> {
    // Nobody else takes it between two starts.
    return new Installation(await freePort());
  }

  get environment(): Record<string, string> {
    return { DATA_DIR: this.folder, PORT: String(this.port), RATE_LIMIT_PER_MINUTE: "0", LOG_LEVEL: "fatal", SIMULATOR_SPEED: "0" };
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get credentials() {
    return JSON.parse(readFileSync(join(this.folder, "credentials.json"), "utf8")) as {
      keys: Record<string, string>;
      demo: { list_id: string; campaign_id: number };
    };
  }

  async start(): Promise<void> {
    const server = spawn(process.execPath, [new URL("../../src/main.ts", import.meta.url).pathname, "start"], {
      env: { ...process.env, ...this.environment },
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#server = server;
    const ready = () => {
      assert.equal(server.exitCode, null, "the server has ended");
      return this.ready();
    };
    await until(ready, { what: "the server's readiness", withinMs: 30_000 });
  }

  ready(): Promise<boolean> {
    return fetch(`${this.url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async kill(): Promise<void> {
    const server = this.#server as ChildProcess;
    server.kill("SIGKILL");
    await once(server, "exit");
  }

  killDatabase(): void {
    process.kill(Number.parseInt(readFileSync(join(this.folder, "postgres", "data", "postmaster.pid"), "utf8"), 10), "SIGKILL");
  }

  async remove(): Promise<void> {
    if (this.#server?.exitCode === null && this.#server.signalCode === null) {
      this.#server.kill("SIGTERM");
      await once(this.#server, "exit");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const DOORS = ["topcalls", "yappr", "aiployees", "vcita"] as const;
type Door = (typeof DOORS)[number];

/** Posts new people through all four doors until told to stop. A phone is acknowledged when its answer said so. */
class Load {
  readonly acknowledged = new Map<string, Door>();
  #next = 0;
  #stopped = false;
  #workers: Promise<void>[] = [];
  readonly #at: Installation;

  constructor(at: Installation) {
    this.#at = at;
  }

  start(workers: number): void {
    this.#workers = Array.from({ length: workers }, () => this.#work());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#workers);
  }

  reach(count: number): Promise<unknown> {
    return until(() => this.acknowledged.size >= count, { what: `${count} leads`, withinMs: 60_000 });
  }

  async #work(): Promise<void> {
    const { keys, demo } = this.#at.credentials;
    while (!this.#stopped) {
      const number = this.#next++;
      const door = DOORS[number % DOORS.length] as Door;
      const phone = `+49151${10_000_000 + number}`;
      const name = `${door} ${number}`;
      const requests: Record<Door, [path: string, key: string | undefined, body: unknown]> = {
        topcalls: ["/v1/leads", keys.topcalls, { name, phone_number: phone, list_id: demo.list_id, tags: ["crash", name] }],
        yappr: ["/leads", keys.yappr, { name, phone_number: phone, tags: ["crash", name] }],
        aiployees: [
          "/api/user/lead",
          keys.aiployees,
          {
            campaign_id: demo.campaign_id,
            phone_number: phone,
            variables: { customer_name: name },
            secondary_contacts: [{ phone_number: `+49160${10_000_000 + number}` }, { phone_number: `+49170${10_000_000 + number}` }],
          },
        ],
        vcita: [
          "/platform/v1/leadgen",
          keys.vcita_staff,
          { identifier_type: "email", email: `p${number}@example.com`, first_name: name, phone, request_title: "Crash", tags: "crash" },
        ],
      };
      const [path, key, body] = requests[door];
      try {
        const response = await fetch(`${this.#at.url}${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(20_000),
        });
        await response.text();
        if (response.ok) this.acknowledged.set(phone, door);
        else assert.ok(response.status >= 500, `${path} answered ${response.status}`);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        await sleep(20);
      }
    }
  }
}

/** Every acknowledged person is there once and whole; so is every person that is there at all. */
async function inspect(at: Installation, acknowledged: ReadonlyMap<string, Door>): Promise<void> {
  const store = await openStore(readConfig(at.environment), "command", createLog("fatal"));
  try {
    const { rows } = await store.house.db.pool.query<{ phone: string; door: Door | null; parts: string }>(
      `select l.phone, split_part(l.name, ' ', 1) as door,
         concat_ws(' ',
           'keys:' || (select count(*) from lead_keys k where k.workspace_id = l.workspace_id and k.lead_id = l.id),
           'events:' || (select count(*) from events e where e.workspace_id = l.workspace_id and e.subject_id = l.id and e.type = 'lead.created'),
           'lists:' || (select count(*) from list_members m where m.workspace_id = l.workspace_id and m.lead_id = l.id),
           'tags:' || (select count(*) from lead_tags t where t.workspace_id = l.workspace_id and t.lead_id = l.id),
           'contacts:' || (select count(*) from campaign_contacts c where c.workspace_id = l.workspace_id and c.lead_id = l.id),
           'messages:' || (select count(*) from conversations c join messages m on m.workspace_id = c.workspace_id and m.conversation_id = c.id
                            where c.workspace_id = l.workspace_id and c.lead_id = l.id)) as parts
       from leads l`,
    );
    const whole: Record<Door, string> = {
      topcalls: "keys:1 events:1 lists:1 tags:2 contacts:0 messages:0",
      yappr: "keys:1 events:1 lists:0 tags:2 contacts:0 messages:0",
      aiployees: "keys:1 events:1 lists:0 tags:0 contacts:1 messages:0",
      vcita: "keys:2 events:1 lists:0 tags:1 contacts:0 messages:1",
    };
    const seen = new Map<string, number>();
    for (const { phone, door, parts } of rows) {
      seen.set(phone, (seen.get(phone) ?? 0) + 1);
      assert.equal(parts, whole[door && door in whole ? door : "aiployees"], `${phone} of ${door || "a secondary contact"}`);
    }
    assert.deepEqual(
      [...acknowledged.keys()].filter((phone) => seen.get(phone) !== 1),
      [],
      "acknowledged leads that are missing or doubled",
    );
    const { rows: families } = await store.house.db.pool.query<{ size: number }>(
      `select count(s.id) as size from campaign_contacts p left join campaign_contacts s on s.workspace_id = p.workspace_id and s.parent_id = p.id
       where p.parent_id is null group by p.id`,
    );
    assert.ok(families.length > 0 && families.every(({ size }) => size === 2), "a contact without its secondary contacts");
  } finally {
    await store.close();
  }
}

test("the server is killed under load: every acknowledged lead is there once, and none is half there", { timeout: 120_000 }, async () => {
  const installation = await Installation.create();
  after(() => installation.remove());
  await installation.start();
  const acknowledged = new Map<string, Door>();
  const load = new Load(installation);
  load.start(24);
  await load.reach(400);
  await installation.kill();
  await load.stop();
  for (const [phone, door] of load.acknowledged) acknowledged.set(phone, door);
  await installation.start();
  await inspect(installation, acknowledged);
});

test("the database is killed under load: the server brings it back, with every acknowledged lead once and none half there", {
  timeout: 120_000,
}, async () => {
  const installation = await Installation.create();
  after(() => installation.remove());
  await installation.start();
  const load = new Load(installation);
  load.start(24);
  await load.reach(400);
  installation.killDatabase();
  const before = load.acknowledged.size;
  await load.reach(before + 400);
  await load.stop();
  assert.ok(await installation.ready());
  await inspect(installation, load.acknowledged);
});
