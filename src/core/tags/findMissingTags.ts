import type { Client } from "../../platform/postgres/database.ts";

/** Which of the ids are no tags of the workspace. */
export async function findMissingTags(client: Pick<Client, "query">, workspaceId: string, ids: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>("select id from tags where workspace_id = $1 and id = any($2::uuid[])", [
    workspaceId,
    ids,
  ]);
  const found = new Set(rows.map((row) => row.id));
  return ids.filter((id) => !found.has(id.toLowerCase()));
}
