import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

/** A number of the workspace that calls go out from and come in to. */
export type PhoneNumber = Selectable<Tables["phone_numbers"]>;
