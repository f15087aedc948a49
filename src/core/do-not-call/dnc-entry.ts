import type { Selectable } from "kysely";
import type { Agent } from "../agents/agent.ts";
import type { Tables } from "../tables.ts";

/** A number that must not be called: by none of the agents when `agent_ids` is empty, until `expires_at` when that is set. */
export type DncEntry = Selectable<Tables["dnc_entries"]>;

/** An entry with the agents it binds, in the order of `agent_ids`. */
export interface DncEntryView extends DncEntry {
  agents: Agent[];
}
