import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

/** An agent as it is now; `settings` are those of its newest version. */
export type Agent = Selectable<Tables["agents"]>;
