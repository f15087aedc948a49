import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

export type Call = Selectable<Tables["calls"]>;
