import type { Selectable } from "kysely";
import type { Workspace } from "../context.ts";
import type { Tables } from "../tables.ts";

export const WORKSPACE_COLUMNS = ["id", "uid", "nickname", "name", "directory_id", "time_zone", "country"] as const;

export function toWorkspace(row: Pick<Selectable<Tables["workspaces"]>, (typeof WORKSPACE_COLUMNS)[number]>): Workspace {
  return {
    id: row.id,
    uid: row.uid,
    nickname: row.nickname,
    name: row.name,
    directoryId: row.directory_id,
    timeZone: row.time_zone,
    country: row.country,
  };
}
