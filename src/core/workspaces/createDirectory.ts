import { newId, uidOf } from "../../platform/ids.ts";
import type { House } from "../context.ts";

/** Makes a partner that owns workspaces; its keys reach all of them. */
export async function createDirectory(house: House, name: string): Promise<{ id: string; uid: string; name: string }> {
  const id = newId();
  const directory = { id, uid: uidOf(id), name };
  await house.db.kysely
    .insertInto("directories")
    .values({ ...directory, created_at: house.clock.now() })
    .execute();
  return directory;
}
