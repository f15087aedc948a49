import type { House } from "../context.ts";

/** Every workspace of the installation, oldest first; for the operator. */
export function listWorkspaces(house: Pick<House, "db">) {
  return house.db.kysely
    .selectFrom("workspaces")
    .select(["id", "uid", "nickname", "name", "time_zone", "country", "call_limit", "directory_id", "created_at"])
    .orderBy("id")
    .execute();
}
