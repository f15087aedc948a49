import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

/** A lead in a campaign. A secondary contact has a parent, and is called when the ones before it do not answer. */
export type Contact = Selectable<Tables["campaign_contacts"]>;

/** A primary contact with its campaign, and its secondary contacts in their order. */
export interface ContactView extends Contact {
  campaign: { number: number; name: string };
  secondaries: Contact[];
}
