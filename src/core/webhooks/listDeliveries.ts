import { isUuid } from "../../platform/ids.ts";
import type { House } from "../context.ts";
import { InvalidInput } from "../errors.ts";
import { DELIVERY_COLUMNS, type Delivery, type DeliveryStatus } from "./delivery.ts";

export interface DeliveryFilter {
  workspaceId?: string;
  status?: DeliveryStatus;
  limit: number;
  /** Only those made before this delivery. */
  after?: string;
}

/** Webhook deliveries, newest first, of one workspace or of all; for the operator. Throws InvalidInput("after"). */
export async function listDeliveries(house: Pick<House, "db">, filter: DeliveryFilter): Promise<Delivery[]> {
  const { workspaceId, status, limit, after } = filter;
  if (after !== undefined && !isUuid(after)) throw InvalidInput.of("after", "invalid", `${after} is no delivery's id.`);
  return house.db.kysely
    .selectFrom("workspaces as w")
    .innerJoinLateral(
      // The newest of each workspace come from its part of the primary key.
      (query) =>
        query
          .selectFrom("webhook_deliveries as d")
          .innerJoin("events as e", (join) => join.onRef("e.workspace_id", "=", "d.workspace_id").onRef("e.id", "=", "d.event_id"))
          .select(DELIVERY_COLUMNS)
          .whereRef("d.workspace_id", "=", "w.id")
          .$if(status !== undefined, (open) => open.where("d.status", "=", status ?? "pending"))
          .$if(after !== undefined, (open) => open.where("d.id", "<", after ?? ""))
          .orderBy("d.id", "desc")
          .limit(limit)
          .as("newest"),
      (join) => join.onTrue(),
    )
    .selectAll("newest")
    .$if(workspaceId !== undefined, (query) => query.where("w.id", "=", workspaceId ?? ""))
    .orderBy("newest.id", "desc")
    .limit(limit)
    .execute();
}
