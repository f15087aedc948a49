import type { Insertable } from "kysely";
import { withDefaults } from "./core/agents/settings.ts";
import { createKey } from "./core/api-keys/createKey.ts";
import { DAYS } from "./core/campaigns/campaign.ts";
import type { House } from "./core/context.ts";
import { SCOPES } from "./core/scopes.ts";
import type { KeyKind, Tables } from "./core/tables.ts";
import { DEFAULT_CALL_LIMIT, newWebhookSecret } from "./core/workspaces/createWorkspace.ts";
import type { Credentials } from "./credentials.ts";
import { type DialectName, dialectNamed } from "./dialects/dialects.ts";
import { newId, uidOf } from "./platform/ids.ts";
import type { Client } from "./platform/postgres/database.ts";

/** One process at a time looks whether the store is empty; the number is arbitrary but never changes. */
const LOCK = 7_313_220_004;

/** The ids that the examples of the four products' documents use. */
const EXAMPLE_ID = "3c90c3cc-0d44-4b50-8888-8dd25736052a";
const EXAMPLE_CAMPAIGN = 123;
const EXAMPLE_FROM = "+972551234567";

const AGENT = withDefaults({
  name: "Maya",
  description: "The demo's agent",
  language: "he",
  greeting_message: "שלום {{LeadName}}, מדברת מאיה מ-Demo Clinic. Hi {{LeadName}}, this is Maya from Demo Clinic. How can I help?",
  system_prompt: [
    "You are Maya. You call people who asked Demo Clinic to call them back; this one is {{LeadName}}.",
    "Speak Hebrew, or English when the other person does. Be friendly and brief: one or two sentences at a time.",
    "Find out what they need, offer them a visit this week, and say goodbye once that is settled or they are not interested.",
    "Never give medical advice, and never promise a price.",
  ].join("\n"),
});

/**
 * Gives an empty store a workspace that the documents' examples work with. All of it is one transaction, and `save` is called
 * before that commits: nobody can be left with a demo whose keys were never written down. False when there is a workspace.
 */
export async function seedDemo(house: House, baseUrl: string, save: (credentials: Credentials) => void): Promise<boolean> {
  return house.db.inTransaction(async (client) => {
    await client.query("select pg_advisory_xact_lock($1)", [LOCK]);
    const { rowCount } = await client.query("select from workspaces limit 1");
    if (rowCount !== 0) return false;
    save(await seed(house, client, baseUrl));
    return true;
  });
}

async function seed(house: House, client: Client, baseUrl: string): Promise<Credentials> {
  const now = house.clock.now();
  const directoryId = newId();
  const workspaceId = newId();
  const nickname = "demo.clinic1";
  const webhookSecret = newWebhookSecret();

  await insert(client, "directories", { id: directoryId, uid: uidOf(directoryId), name: "Demo partner", created_at: now });
  await insert(client, "workspaces", {
    id: workspaceId,
    uid: uidOf(workspaceId),
    nickname,
    name: "Demo",
    directory_id: directoryId,
    time_zone: "Asia/Jerusalem",
    country: "IL",
    call_limit: DEFAULT_CALL_LIMIT,
    owner_name: "Dana Demo",
    owner_email: "owner@demo-clinic.example",
    owner_phone: null,
    webhook_secret: house.secrets.seal(webhookSecret),
    created_at: now,
    updated_at: now,
  });
  await insert(client, "workspace_capacity", { workspace_id: workspaceId });
  const key = keyMaker(house, client, { workspaceId }, { directoryId });
  const keys = {
    yappr: await key("yappr", "workspace"),
    topcalls: await key("topcalls", "workspace"),
    aiployees: await key("aiployees", "workspace"),
    vcita_staff: await key("vcita", "staff"),
    vcita_app: await key("vcita", "app"),
    vcita_directory: await key("vcita", "directory"),
  };
  const assistantId = await fill(client, workspaceId, now);
  return {
    base_url: baseUrl,
    workspace: { id: workspaceId, uid: uidOf(workspaceId), nickname, webhook_secret: webhookSecret },
    keys,
    demo: {
      agent_id: EXAMPLE_ID,
      list_id: EXAMPLE_ID,
      campaign_id: EXAMPLE_CAMPAIGN,
      assistant_id: assistantId,
      from: EXAMPLE_FROM,
    },
  };
}

const keyMaker =
  (house: House, client: Client, workspace: { workspaceId: string }, directory: { directoryId: string }) =>
  async (name: DialectName, kind: KeyKind): Promise<string> => {
    const dialect = dialectNamed(name);
    if (!dialect) throw new Error(`no dialect ${name}`);
    const owner = kind === "directory" ? directory : workspace;
    const made = await createKey(
      house,
      { kind, dialect: name, owner, name: "demo", scopes: SCOPES, mint: (number) => dialect.mint(number, kind) },
      client,
    );
    return made.token;
  };

/** Returns the agent's number. */
async function fill(client: Client, workspaceId: string, now: Date): Promise<number> {
  const of = { workspace_id: workspaceId, created_at: now };
  const settings = JSON.stringify(AGENT);
  await insert(client, "agents", { ...of, id: EXAMPLE_ID, version: 1, is_active: true, idempotency_key: null, settings, updated_at: now });
  await insert(client, "agent_versions", { ...of, agent_id: EXAMPLE_ID, version: 1, settings });
  await insert(client, "lists", { ...of, id: EXAMPLE_ID, name: "Demo leads", updated_at: now });
  await insert(client, "tags", { ...of, id: EXAMPLE_ID, name: "demo", description: null, color: null, sort_order: 1 });
  await insert(client, "phone_numbers", {
    ...of,
    id: newId(),
    phone: EXAMPLE_FROM,
    friendly_name: "Demo line",
    country: "IL",
    inbound_agent_id: EXAMPLE_ID,
    outbound_agent_id: EXAMPLE_ID,
  });
  await insert(client, "campaigns", {
    ...of,
    id: newId(),
    number: EXAMPLE_CAMPAIGN,
    name: "Demo campaign",
    status: "draft",
    agent_id: EXAMPLE_ID,
    time_zone: "Asia/Jerusalem",
    max_parallel_calls: 3,
    window_start: "00:00",
    window_end: "23:59",
    days: [...DAYS],
    max_retries: 3,
    retry_interval_minutes: 60,
    retry_on_voicemail: false,
    retry_on_goal_incomplete: false,
    goal_variable: null,
    complete_when_empty: false,
    updated_at: now,
  });
  const { rows } = await client.query<{ number: number }>("select number from agents where workspace_id = $1 and id = $2", [
    workspaceId,
    EXAMPLE_ID,
  ]);
  return rows[0]?.number ?? 0;
}

async function insert<Table extends keyof Tables>(client: Client, table: Table, row: Insertable<Tables[Table]>): Promise<void> {
  const columns = Object.keys(row);
  const places = columns.map((_, index) => `$${index + 1}`);
  await client.query(`insert into ${table} (${columns.join(", ")}) values (${places.join(", ")})`, Object.values(row));
}
