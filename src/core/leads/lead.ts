import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

export type Lead = Selectable<Tables["leads"]>;
export type Tag = Selectable<Tables["tags"]>;

/** A lead with what hangs on it: tags in the order they were given, lists in the order they were joined. */
export interface LeadView extends Lead {
  tags: Tag[];
  list_ids: string[];
}
