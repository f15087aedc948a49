import { enqueue } from "../../platform/jobs/jobs.ts";
import type { Client } from "../../platform/postgres/database.ts";

/** The job queue waits e^attempt seconds after a failure, so the tenth attempt is about three and a half hours after the first. */
export const WEBHOOK_ATTEMPTS = 10;

/** Has deliveries sent, now and with all their attempts before them; each has one job at most. Inside the caller's transaction. */
export function enqueueDeliveries(
  client: Pick<Client, "query">,
  deliveries: ReadonlyArray<{ workspace_id: string; id: string }>,
): Promise<void> {
  return enqueue(
    client,
    "deliver_webhook",
    deliveries.map((delivery) => ({ workspaceId: delivery.workspace_id, deliveryId: delivery.id })),
    { maxAttempts: WEBHOOK_ATTEMPTS, key: ({ deliveryId }) => `deliver_webhook ${deliveryId}` },
  );
}
