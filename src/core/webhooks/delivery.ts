import type { Selectable } from "kysely";
import type { Tables } from "../tables.ts";

type Row = Selectable<Tables["webhook_deliveries"]>;

export type DeliveryStatus = Row["status"];

/** A delivery as it may be shown: without the receiver's static headers, which may hold its keys. */
export type Delivery = Omit<Row, "headers"> & { call_id: string };

/** Of `webhook_deliveries d` with its `events e`. */
export const DELIVERY_COLUMNS = [
  "d.workspace_id",
  "d.id",
  "d.event_id",
  "d.event_type",
  "d.format",
  "d.url",
  "d.status",
  "d.attempts",
  "d.response_status",
  "d.last_error",
  "d.created_at",
  "d.delivered_at",
  "d.updated_at",
  "e.subject_id as call_id",
] as const;
