import type { Listener } from "../../platform/postgres/listener.ts";
import type { House, Workspace } from "../context.ts";
import { Forbidden, Unauthenticated } from "../errors.ts";
import { isScope, type Scope } from "../scopes.ts";
import type { KeyKind } from "../tables.ts";
import { findWorkspace } from "../workspaces/findWorkspace.ts";
import { toWorkspace } from "../workspaces/workspace.ts";
import { hashToken } from "./createKey.ts";
import { KEYS_CHANNEL } from "./revokeKey.ts";

/** What an API key opens. */
export interface Principal {
  keyId: string;
  kind: KeyKind;
  scopes: ReadonlySet<Scope>;
  /** The key's own workspace; null for a directory's key. */
  workspace: Workspace | null;
  directoryId: string | null;
}

export interface Authenticator {
  /** Throws Unauthenticated: malformed, unknown, revoked or expired. */
  authenticate(token: string): Promise<Principal>;
  /** The workspace that `uidOrNickname` names, when the key reaches it. Throws Forbidden("workspace") otherwise, also when there is none. */
  reach(principal: Principal, uidOrNickname: string): Promise<Workspace>;
  /** Writes down which keys were used, and stops. */
  close(): Promise<void>;
}

const REMEMBER_MS = 5_000;
const REMEMBER_KEYS = 10_000;
const NOTE_USE_EVERY_MS = 10_000;
const LONGEST_TOKEN = 256;

/**
 * Opens requests with API keys. A key that was found is remembered for a few seconds; a revocation reaches every process at
 * once by NOTIFY, and while that connection is down nothing is remembered.
 */
export function createAuthenticator(house: House, listener: Pick<Listener, "on" | "connected">): Authenticator {
  const remembered = new Map<string, { principal: Principal; expiresAt: Date | null; until: number }>();
  let used = new Map<string, Date>();
  let revocations = 0;
  listener.on(KEYS_CHANNEL, () => {
    revocations++;
    remembered.clear();
  });

  const noteUse = async () => {
    if (used.size === 0) return;
    const batch = [...used];
    used = new Map();
    await house.db.pool.query(
      `update api_keys k set last_used_at = u.at from unnest($1::uuid[], $2::timestamptz[]) u(id, at)
       where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at)`,
      [batch.map(([id]) => id), batch.map(([, at]) => at)],
    );
  };
  const timer = setInterval(() => void noteUse().catch(() => undefined), NOTE_USE_EVERY_MS);
  timer.unref();

  return {
    async authenticate(token) {
      if (token === "" || token.length > LONGEST_TOKEN) throw new Unauthenticated("malformed");
      const now = house.clock.now();
      const hash = hashToken(token);
      const name = hash.toString("base64");
      let entry = remembered.get(name);
      if (!entry || entry.until < performance.now() || !listener.connected) {
        const before = revocations;
        entry = { ...(await load(house, hash)), until: performance.now() + REMEMBER_MS };
        if (remembered.size >= REMEMBER_KEYS) remembered.clear();
        // A revocation that came while we read may be of this very key.
        if (before === revocations) remembered.set(name, entry);
      }
      if (entry.expiresAt && entry.expiresAt <= now) throw new Unauthenticated("expired");
      used.set(entry.principal.keyId, now);
      return entry.principal;
    },

    async reach(principal, uidOrNickname) {
      const own = principal.workspace;
      if (own && (own.uid === uidOrNickname || own.nickname === uidOrNickname)) return own;
      const workspace = principal.directoryId ? await findWorkspace(house, uidOrNickname) : undefined;
      if (!workspace || workspace.directoryId !== principal.directoryId) throw new Forbidden("workspace");
      return workspace;
    },

    async close() {
      clearInterval(timer);
      await noteUse().catch(() => undefined);
    },
  };
}

async function load(house: House, hash: Buffer): Promise<{ principal: Principal; expiresAt: Date | null }> {
  const row = await house.db.kysely
    .selectFrom("api_keys")
    .leftJoin("workspaces", "workspaces.id", "api_keys.workspace_id")
    .select([
      "api_keys.id",
      "api_keys.kind",
      "api_keys.scopes",
      "api_keys.expires_at",
      "api_keys.revoked_at",
      "api_keys.directory_id as key_directory",
    ])
    .select([
      "workspaces.id as workspace_id",
      "workspaces.uid",
      "workspaces.nickname",
      "workspaces.name",
      "workspaces.directory_id",
      "workspaces.time_zone",
      "workspaces.country",
    ])
    .where("token_hash", "=", hash)
    .executeTakeFirst();
  if (!row) throw new Unauthenticated("unknown");
  if (row.revoked_at) throw new Unauthenticated("revoked");
  const { workspace_id: id, uid, name, time_zone, country } = row;
  const workspace =
    id && uid && name && time_zone && country
      ? toWorkspace({ id, uid, nickname: row.nickname, name, directory_id: row.directory_id, time_zone, country })
      : null;
  return {
    principal: {
      keyId: row.id,
      kind: row.kind,
      scopes: new Set(row.scopes.filter(isScope)),
      workspace,
      directoryId: row.key_directory,
    },
    expiresAt: row.expires_at,
  };
}
