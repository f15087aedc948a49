import { assertNever } from "../../core/errors.ts";
import type { WebhookEvent } from "../../core/webhooks/webhook-event.ts";
import { statusOf } from "./present-call.ts";

/** The body that an agent's webhook gets (yappr 9). */
export function wordWebhook(event: WebhookEvent) {
  return {
    event: event.type,
    timestamp: event.at.toISOString(),
    agent_id: event.call.agent_id,
    company_id: event.workspaceId,
    call_id: event.callId,
    data: wordData(event),
  };
}

/** yappr 9.1. */
function wordData({ type, call }: WebhookEvent) {
  const who = { direction: call.direction, from_number: call.from_number, to_number: call.to_number };
  switch (type) {
    case "call.started":
    case "call.answered":
    case "call.no_answer":
      return who;
    case "call.ended":
      return { ...who, duration_seconds: call.duration_seconds, status: statusOf(call) };
    case "call.failed":
      return { ...who, error: call.error ?? call.disconnect_reason };
    case "call.dnc_blocked":
      return {
        ...who,
        status: statusOf(call),
        extra_data: {
          dnc_reason: call.dnc_reason,
          dnc_entry_id: call.dnc_entry_id,
          ...(call.queued ? { queued: true } : {}),
        },
      };
    default:
      return assertNever(type);
  }
}
