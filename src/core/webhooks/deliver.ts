import { type Task, TryLater } from "../../platform/jobs/jobs.ts";
import { OutboundError } from "../../platform/outbound/errors.ts";
import type { Outbound } from "../../platform/outbound/outbound.ts";
import type { House } from "../context.ts";
import { type Attempted, markDelivered, markFailed, startAttempt } from "./attempts.ts";
import { signedHeaders } from "./signedHeaders.ts";
import type { WebhookRenderer } from "./webhook-event.ts";

export interface DeliverOptions {
  house: Pick<House, "db" | "clock" | "secrets">;
  outbound: Outbound;
  /** By delivery format. */
  renderers: Readonly<Record<string, WebhookRenderer>>;
}

/** The receiver did not answer with 2xx. */
class Refused extends TryLater {
  readonly status: number;
  constructor(status: number) {
    super(`The receiver answered ${status}${status >= 300 && status < 400 ? "; redirects are not followed" : ""}.`);
    this.status = status;
  }
}

/**
 * The task that makes one attempt of one delivery. Any 2xx answer is success. After anything else it throws, so that the
 * attempt is made again later; after the last attempt the delivery has failed, and waits for a replay. A receiver may get the
 * same delivery twice, and tells it by `webhook-id`.
 */
export function createDeliverWebhook({ house, outbound, renderers }: DeliverOptions): Task<"deliver_webhook"> {
  const { db, clock, secrets } = house;

  const post = async (delivery: Attempted, id: string, signal: AbortSignal): Promise<number> => {
    const render = renderers[delivery.format];
    if (!render) throw new Error(`No dialect words webhooks as ${delivery.format}.`);
    const body = JSON.stringify(render(delivery.event));
    const secret = secrets.open(delivery.secret);
    const headers = signedHeaders({ id, headers: delivery.headers, body, secret, at: clock.now() });
    const { status } = await outbound.send({ method: "POST", url: delivery.url, headers, body, signal });
    if (status < 200 || status > 299) throw new Refused(status);
    return status;
  };

  return async (key, { last, signal }) => {
    const delivery = await startAttempt(db.pool, key, clock.now());
    if (!delivery) return;
    let responseStatus: number;
    try {
      responseStatus = await post(delivery, key.deliveryId, signal);
    } catch (error) {
      const final = last && !signal.aborted;
      const message = error instanceof Error ? error.message : String(error);
      const status = error instanceof Refused ? error.status : null;
      await markFailed(db.pool, key, { last: final, responseStatus: status, error: message, now: clock.now() });
      if (final) return;
      throw error instanceof OutboundError ? new TryLater(message, { cause: error }) : error;
    }
    await markDelivered(db.pool, key, { responseStatus, now: clock.now() });
  };
}
