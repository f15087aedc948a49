import type { House } from "../context.ts";

/** Every directory of the installation, oldest first; for the operator. */
export function listDirectories(house: Pick<House, "db">) {
  return house.db.kysely
    .selectFrom("directories")
    .leftJoin("workspaces", "workspaces.directory_id", "directories.id")
    .select(["directories.id", "directories.uid", "directories.name", "directories.created_at"])
    .select((build) => build.fn.count<number>("workspaces.id").as("workspaces"))
    .groupBy("directories.id")
    .orderBy("directories.id")
    .execute();
}
