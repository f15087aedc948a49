import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

export type Campaign = Selectable<Tables["campaigns"]>;
export type CampaignStatus = Campaign["status"];

/** In the order of the week (ISO 8601). */
export const DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] as const;
export type Day = (typeof DAYS)[number];
