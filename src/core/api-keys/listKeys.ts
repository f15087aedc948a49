import type { House } from "../context.ts";

/** The keys of a workspace (and, for the operator without one, of all), newest last. Never the keys themselves. */
export function listKeys(house: Pick<House, "db">, workspaceId?: string) {
  return house.db.kysely
    .selectFrom("api_keys")
    .leftJoin("workspaces", "workspaces.id", "api_keys.workspace_id")
    .select([
      "api_keys.id",
      "api_keys.number",
      "api_keys.kind",
      "api_keys.dialect",
      "api_keys.name",
      "api_keys.token_prefix",
      "api_keys.scopes",
      "api_keys.expires_at",
      "api_keys.revoked_at",
      "api_keys.last_used_at",
      "api_keys.created_at",
      "api_keys.workspace_id",
      "api_keys.directory_id",
      "workspaces.uid as workspace_uid",
    ])
    .$if(workspaceId !== undefined, (query) => query.where("api_keys.workspace_id", "=", workspaceId ?? ""))
    .orderBy("api_keys.number")
    .execute();
}
