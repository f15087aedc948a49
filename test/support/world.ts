import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { after } from "node:test";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { type App, type Role, startApp } from "../../src/app.ts";
import { type Config, readConfig } from "../../src/config.ts";
import { createKey } from "../../src/core/api-keys/createKey.ts";
import type { Context, House, Workspace } from "../../src/core/context.ts";
import { SCOPES, type Scope } from "../../src/core/scopes.ts";
import type { KeyKind, Tables } from "../../src/core/tables.ts";
import { createWorkspace } from "../../src/core/workspaces/createWorkspace.ts";
import { type DialectName, dialectNamed } from "../../src/dialects/dialects.ts";
import { type Clock, systemClock } from "../../src/platform/clock.ts";
import { createLog, type Log } from "../../src/platform/log.ts";
import { type Connection, openDatabase } from "../../src/platform/postgres/database.ts";
import { createSecretBox } from "../../src/platform/secrets.ts";
import { createTestDatabase } from "./test-database.ts";

/** The whole product in this process, over a database of its own. */
export interface World {
  house: House;
  app: App;
  server: FastifyInstance;
  config: Config;
  connection: Connection;
  /** A new tenant, with nothing in it. */
  tenant(options?: { country?: string; callLimit?: number; directoryId?: string; ownerEmail?: string }): Promise<Tenant>;
  /** Runs before the world ends; the latest first. */
  defer(stop: () => Promise<unknown>): void;
}

export interface Tenant {
  workspace: Workspace;
  webhookSecret: string;
  /** For calling verbs directly, with every scope. */
  ctx: Context;
  key(
    dialect: DialectName,
    options?: { kind?: KeyKind; scopes?: readonly Scope[]; expiresAt?: Date },
  ): Promise<{ token: string; id: string }>;
}

export const TEST_MASTER_KEY = "test master key, long enough to be one";

/** Starts a world for a test file and ends it after the file's tests. */
export async function startWorld(
  options: { roles?: readonly Role[]; clock?: Clock; environment?: Record<string, string>; log?: Log } = {},
): Promise<World> {
  const { connection, drop } = await createTestDatabase();
  const log = options.log ?? createLog((process.env.TEST_LOG as "debug" | undefined) ?? "fatal");
  const config = readConfig({
    PORT: "0",
    RATE_LIMIT_PER_MINUTE: "0",
    SIMULATOR_SPEED: "0",
    OUTBOUND_ALLOW_PRIVATE: "true",
    ...options.environment,
  });
  const db = openDatabase<Tables>({ connection, maxConnections: 10, log });
  const house: House = {
    db,
    clock: options.clock ?? systemClock,
    secrets: createSecretBox(TEST_MASTER_KEY),
    settings: {
      mail: config.SMTP_URL !== undefined,
      queueHours: config.QUEUE_HOURS,
      recordingsDir: config.RECORDINGS_DIR ?? join(config.DATA_DIR, "recordings"),
    },
  };
  const app = await startApp(config, { house, connection, close: () => db.close() }, options.roles ?? ["api"], log);
  const stops: Array<() => Promise<unknown>> = [];
  after(async () => {
    for (const stop of stops.reverse()) await stop();
    await app.close();
    await db.close();
    await drop();
  });
  if (!app.server) throw new Error("a world needs the role api");
  return {
    house,
    app,
    server: app.server,
    config,
    connection,
    tenant: (tenantOptions = {}) => createTenant(house, tenantOptions),
    defer: (stop) => stops.push(stop),
  };
}

async function createTenant(
  house: House,
  options: { country?: string; callLimit?: number; directoryId?: string; ownerEmail?: string },
): Promise<Tenant> {
  const { workspace, webhookSecret } = await createWorkspace(house, {
    name: "Test clinic",
    nickname: `t${randomBytes(6).toString("hex")}`,
    timeZone: "Asia/Jerusalem",
    country: options.country ?? "IL",
    ...(options.callLimit !== undefined ? { callLimit: options.callLimit } : {}),
    ...(options.directoryId ? { directoryId: options.directoryId } : {}),
    owner: { name: "Olga Owner", email: options.ownerEmail ?? "owner@example.com" },
  });
  return {
    workspace,
    webhookSecret,
    ctx: { ...house, workspace, actor: { keyId: null, scopes: new Set(SCOPES) } },
    async key(dialect, { kind = dialect === "vcita" ? "staff" : "workspace", scopes = SCOPES, expiresAt } = {}) {
      const words = dialectNamed(dialect);
      if (!words) throw new Error(`no dialect ${dialect}`);
      const owner = kind === "directory" ? { directoryId: options.directoryId ?? "" } : { workspaceId: workspace.id };
      return createKey(house, {
        kind,
        dialect,
        owner,
        name: "test",
        scopes,
        expiresAt: expiresAt ?? null,
        mint: (number) => words.mint(number, kind),
      });
    },
  };
}

/** Sends JSON with a key, in the process. */
export function send(
  world: Pick<World, "server">,
  method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE",
  url: string,
  options: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<LightMyRequestResponse> {
  const { token, body, headers = {} } = options;
  return world.server.inject({
    method,
    url,
    headers: {
      ...(token !== undefined ? { authorization: `Bearer ${token}` } : {}),
      ...(body !== undefined ? { "content-type": "application/json" } : {}),
      ...headers,
    },
    ...(body !== undefined ? { payload: typeof body === "string" ? body : JSON.stringify(body) } : {}),
  });
}

/** How many rows each table of the tenant has: two of these are equal when nothing was written. */
export async function rowCounts(house: House, workspaceId: string): Promise<Record<string, number>> {
  const tables = [
    "leads",
    "lead_keys",
    "lists",
    "list_members",
    "tags",
    "lead_tags",
    "conversations",
    "messages",
    "agents",
    "agent_versions",
    "campaigns",
    "campaign_contacts",
    "dnc_entries",
    "calls",
    "call_decisions",
    "queued_calls",
    "live_calls",
    "idempotency_keys",
    "events",
    "webhook_deliveries",
    "outbox",
  ];
  const { rows } = await house.db.pool.query<Record<string, number>>(
    `select ${tables.map((table) => `(select count(*) from ${table} where workspace_id = $1) as ${table}`).join(", ")}`,
    [workspaceId],
  );
  return rows[0] ?? {};
}
