import type { House } from "../context.ts";

/** By uid; undefined when there is none. */
export function findDirectory(house: Pick<House, "db">, uid: string): Promise<{ id: string; uid: string; name: string } | undefined> {
  return house.db.kysely.selectFrom("directories").select(["id", "uid", "name"]).where("uid", "=", uid).executeTakeFirst();
}
