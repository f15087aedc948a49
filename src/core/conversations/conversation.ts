import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

export type Conversation = Selectable<Tables["conversations"]>;
export type Message = Selectable<Tables["messages"]>;
