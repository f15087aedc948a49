import { hash } from "node:crypto";
import { newId } from "../../platform/ids.ts";
import type { Client } from "../../platform/postgres/database.ts";
import type { House } from "../context.ts";
import { InvalidInput } from "../errors.ts";
import type { Scope } from "../scopes.ts";
import type { KeyKind } from "../tables.ts";

export interface CreateKey {
  kind: KeyKind;
  /** The dialect whose form the printed key takes; the key works on every dialect. */
  dialect: string;
  owner: { workspaceId: string } | { directoryId: string };
  name: string;
  scopes: readonly Scope[];
  expiresAt?: Date | null;
  /** Words the key, given its number. Must hold at least 128 random bits. */
  mint: (number: number) => string;
}

export interface CreatedKey {
  id: string;
  number: number;
  /** Shown here once; only its hash is kept. */
  token: string;
}

/** What a listing may show of a key: enough to tell it from others. */
const SHOWN_CHARACTERS = 12;

/**
 * Makes an API key, within `client`'s transaction when it is given one. Throws InvalidInput("kind" | "name" | "expiresAt").
 */
export async function createKey(house: House, input: CreateKey, client: Pick<Client, "query"> = house.db.pool): Promise<CreatedKey> {
  const ofDirectory = "directoryId" in input.owner;
  if (input.kind === "directory" && !ofDirectory) throw InvalidInput.of("kind", "invalid", "A directory key belongs to a directory.");
  if ((input.kind === "workspace" || input.kind === "staff") && ofDirectory) {
    throw InvalidInput.of("kind", "invalid", `A ${input.kind} key belongs to a workspace.`);
  }
  if (input.name.trim() === "" || input.name.length > 200)
    throw InvalidInput.of("name", "invalid", "The name must have 1 to 200 characters.");
  const now = house.clock.now();
  if (input.expiresAt && input.expiresAt <= now) throw InvalidInput.of("expiresAt", "in_the_past", "The key would have expired already.");
  const { rows } = await client.query<{ number: number }>("select nextval(pg_get_serial_sequence('api_keys', 'number')) as number");
  const number = rows[0]?.number ?? 0;
  const token = input.mint(number);
  const id = newId();
  await client.query(
    `insert into api_keys (id, number, kind, dialect, workspace_id, directory_id, name, token_hash, token_prefix, scopes, expires_at, created_at)
     overriding system value values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
    [
      id,
      number,
      input.kind,
      input.dialect,
      "workspaceId" in input.owner ? input.owner.workspaceId : null,
      "directoryId" in input.owner ? input.owner.directoryId : null,
      input.name,
      hashToken(token),
      token.slice(0, SHOWN_CHARACTERS),
      input.scopes,
      input.expiresAt ?? null,
      now,
    ],
  );
  return { id, number, token };
}

export const hashToken = (token: string): Buffer => hash("sha256", token, "buffer");
