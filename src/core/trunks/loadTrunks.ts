import type { House } from "../context.ts";
import type { Trunk } from "./trunk.ts";

/** With what a gateway asks for. */
export interface OpenTrunk extends Trunk {
  /** Undefined: it was sealed with another master key. */
  password: string | null | undefined;
}

/** Every trunk, its password opened: for the voice role alone. */
export async function loadTrunks({ db, secrets }: Pick<House, "db" | "secrets">): Promise<OpenTrunk[]> {
  const rows = await db.kysely.selectFrom("trunks").selectAll().orderBy("created_at").orderBy("id").execute();
  const open = (sealed: Buffer) => {
    try {
      return secrets.open(sealed);
    } catch {
      return undefined;
    }
  };
  return rows.map((row) => ({ ...row, password: row.password === null ? null : open(row.password) }));
}
