import type { House } from "../context.ts";

/** The number on these trunks when there is one and no more; undefined otherwise. */
export async function findOnlyNumber(
  { db }: Pick<House, "db">,
  trunkIds: readonly string[],
): Promise<{ trunkId: string; phone: string } | undefined> {
  const { rows } = await db.pool.query<{ trunk_id: string; phone: string }>({
    name: "find-only-trunk-number",
    text: "select trunk_id, phone from trunk_numbers where trunk_id = any($1::uuid[]) limit 2",
    values: [trunkIds],
  });
  const [found, another] = rows;
  return found && !another ? { trunkId: found.trunk_id, phone: found.phone } : undefined;
}
