import type { Client } from "../../platform/postgres/database.ts";
import type { CallSnapshot } from "../events/callSnapshot.ts";
import type { CallEventType } from "../events/recordCallEvents.ts";
import type { WebhookEvent } from "./webhook-event.ts";

/**
 * A delivery's life:
 *
 *     pending ──2xx──► delivered ──┐
 *       ▲ └──last attempt──► failed │
 *       └──────── replayed ─────────┘
 *
 * An attempt is counted when it starts, so none is lost when a worker dies in the middle. Whoever else tries at the same
 * time, `delivered` wins: no failure is written over it.
 */
export interface Attempted {
  url: string;
  headers: Record<string, string>;
  /** Which dialect words the body. */
  format: string;
  event: WebhookEvent;
  /** Sealed. */
  secret: Buffer;
}

export interface DeliveryKey {
  workspaceId: string;
  deliveryId: string;
}

interface Row {
  url: string;
  headers: Record<string, string>;
  format: string;
  event_id: string;
  event_type: CallEventType;
  call_id: string;
  call: CallSnapshot;
  at: Date;
  secret: Buffer;
}

/** Counts an attempt and gives what is to be sent; undefined when the delivery is done, or there is none. */
export async function startAttempt(
  client: Pick<Client, "query">,
  { workspaceId, deliveryId }: DeliveryKey,
  now: Date,
): Promise<Attempted | undefined> {
  // Deliveries are made by `recordCallEvents` alone, so the event is one of a call.
  const { rows } = await client.query<Row>({
    name: "start-delivery-attempt",
    text: `update webhook_deliveries d set attempts = d.attempts + 1, status = 'pending', updated_at = $3
      from events e, workspaces w
      where d.workspace_id = $1 and d.id = $2 and d.status <> 'delivered'
        and e.workspace_id = d.workspace_id and e.id = d.event_id and w.id = d.workspace_id
      returning d.url, d.headers, d.format, e.id as event_id, e.type as event_type, e.subject_id as call_id, e.payload as call,
        e.created_at as at, w.webhook_secret as secret`,
    values: [workspaceId, deliveryId, now],
  });
  const [row] = rows;
  if (!row) return undefined;
  const { url, headers, format, secret, event_id, event_type, call_id, call, at } = row;
  return { url, headers, format, secret, event: { id: event_id, workspaceId, type: event_type, callId: call_id, call, at } };
}

export async function markDelivered(
  client: Pick<Client, "query">,
  { workspaceId, deliveryId }: DeliveryKey,
  result: { responseStatus: number; now: Date },
): Promise<void> {
  await client.query({
    name: "mark-delivered",
    text: `update webhook_deliveries set status = 'delivered', response_status = $3, last_error = null, delivered_at = $4, updated_at = $4
      where workspace_id = $1 and id = $2 and status <> 'delivered'`,
    values: [workspaceId, deliveryId, result.responseStatus, result.now],
  });
}

export async function markFailed(
  client: Pick<Client, "query">,
  { workspaceId, deliveryId }: DeliveryKey,
  result: { last: boolean; responseStatus: number | null; error: string; now: Date },
): Promise<void> {
  await client.query({
    name: "mark-attempt-failed",
    text: `update webhook_deliveries set status = $3, response_status = $4, last_error = $5, updated_at = $6
      where workspace_id = $1 and id = $2 and status <> 'delivered'`,
    values: [workspaceId, deliveryId, result.last ? "failed" : "pending", result.responseStatus, result.error, result.now],
  });
}
