import type { CallSnapshot } from "../events/callSnapshot.ts";
import type { CallEventType } from "../events/recordCallEvents.ts";

/** What a delivery tells. */
export interface WebhookEvent {
  id: string;
  workspaceId: string;
  type: CallEventType;
  callId: string;
  call: CallSnapshot;
  at: Date;
}

/** Words an event as one product's JSON body. The same event gives the same body at every attempt. */
export type WebhookRenderer = (event: WebhookEvent) => unknown;
