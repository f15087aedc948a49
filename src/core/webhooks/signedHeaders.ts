import { Webhook } from "standardwebhooks";
import { isReservedHeader } from "./reservedHeader.ts";

/**
 * The headers of one attempt: the owner's own, and those of Standard Webhooks. The id is the delivery's and stays the same
 * over all attempts; timestamp and signature are the attempt's.
 */
export function signedHeaders(delivery: {
  id: string;
  /** The owner's static headers. */
  headers: Readonly<Record<string, string>>;
  body: string;
  /** `whsec_...` */
  secret: string;
  at: Date;
}): Record<string, string> {
  const { id, headers, body, secret, at } = delivery;
  const own = Object.entries(headers).filter(([name]) => !isReservedHeader(name));
  const named = own.some(([name]) => name.toLowerCase() === "user-agent");
  return {
    ...(named ? {} : { "user-agent": "Leadline" }),
    ...Object.fromEntries(own),
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign(id, at, body),
  };
}
