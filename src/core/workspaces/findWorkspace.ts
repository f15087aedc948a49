import type { House, Workspace } from "../context.ts";
import { toWorkspace, WORKSPACE_COLUMNS } from "./workspace.ts";

/** By uid or nickname, as partners name a business; undefined when there is none. */
export async function findWorkspace(house: Pick<House, "db">, uidOrNickname: string): Promise<Workspace | undefined> {
  const row = await house.db.kysely
    .selectFrom("workspaces")
    .select(WORKSPACE_COLUMNS)
    .where((where) => where.or([where("uid", "=", uidOrNickname), where("nickname", "=", uidOrNickname)]))
    .executeTakeFirst();
  return row && toWorkspace(row);
}
