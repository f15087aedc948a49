import type { Clock } from "../platform/clock.ts";
import type { Database } from "../platform/postgres/database.ts";
import type { SecretBox } from "../platform/secrets.ts";
import { Forbidden } from "./errors.ts";
import type { Scope } from "./scopes.ts";
import type { Tables } from "./tables.ts";

export type Db = Database<Tables>;

/** What every verb stands on, whoever calls it. */
export interface House {
  db: Db;
  clock: Clock;
  secrets: SecretBox;
  /** What of the configuration decides how verbs behave. */
  settings: {
    /** Mails are sent, not held. */
    mail: boolean;
    /** How long a call may wait for capacity. */
    queueHours: number;
    /** Folder of call recordings, absolute. */
    recordingsDir: string;
  };
}

export interface Workspace {
  id: string;
  uid: string;
  nickname: string | null;
  name: string;
  directoryId: string | null;
  timeZone: string;
  /** ISO 3166-1 alpha-2; numbers in national form are read in it. */
  country: string;
}

/** Who acts: an API key, or the operator at the command line (`keyId` null, every scope). */
export interface Actor {
  keyId: string | null;
  scopes: ReadonlySet<Scope>;
}

/** One workspace, as one actor may act in it: the first argument of every verb. */
export interface Context extends House {
  workspace: Workspace;
  actor: Actor;
}

export function requireScope(ctx: Context, scope: Scope): void {
  if (!ctx.actor.scopes.has(scope)) throw new Forbidden("scope", scope);
}
