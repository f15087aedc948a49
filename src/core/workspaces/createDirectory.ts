import { newId, uidOf } from "../../platform/ids.ts";
import type { House } from "../context.ts";
import { InvalidInput } from "../errors.ts";

/** Makes a partner that owns workspaces; its keys reach all of them. Throws InvalidInput("name"). */
export async function createDirectory(house: House, name: string): Promise<{ id: string; uid: string; name: string }> {
  const trimmed = name.trim();
  if (trimmed === "" || trimmed.length > 200) throw InvalidInput.of("name", "invalid", "The name must have 1 to 200 characters.");
  const id = newId();
  const directory = { id, uid: uidOf(id), name: trimmed };
  await house.db.kysely
    .insertInto("directories")
    .values({ ...directory, created_at: house.clock.now() })
    .execute();
  return directory;
}
