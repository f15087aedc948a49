import { isUuid } from "../../platform/ids.ts";
import type { House } from "../context.ts";
import { NotFound } from "../errors.ts";
import { DELIVERY_COLUMNS, type Delivery } from "./delivery.ts";
import { enqueueDeliveries } from "./enqueueDeliveries.ts";

/**
 * Sends a delivery again, whatever became of it, with the same id and body; for the operator. One that is still pending is
 * tried now instead of when its next attempt is due. Throws NotFound("delivery").
 */
export async function replayDelivery(house: Pick<House, "db" | "clock">, id: string): Promise<Delivery> {
  if (!isUuid(id)) throw new NotFound("delivery", id);
  return house.db.inTransaction(async (client) => {
    // Through the workspaces, because a delivery is found by its workspace.
    const { rows } = await client.query<Delivery>(
      `update webhook_deliveries d set status = 'pending', delivered_at = null, updated_at = $2
       from workspaces w, events e
       where d.workspace_id = w.id and d.id = $1 and e.workspace_id = d.workspace_id and e.id = d.event_id
       returning ${DELIVERY_COLUMNS.join(", ")}`,
      [id, house.clock.now()],
    );
    const [delivery] = rows;
    if (!delivery) throw new NotFound("delivery", id);
    await enqueueDeliveries(client, [delivery]);
    return delivery;
  });
}
