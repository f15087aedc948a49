import { Command, Option } from "commander";
import type { DeliveryStatus } from "../core/webhooks/delivery.ts";
import { listDeliveries } from "../core/webhooks/listDeliveries.ts";
import { replayDelivery } from "../core/webhooks/replayDelivery.ts";
import { wholeNumber } from "./arguments.ts";
import { workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { table } from "./table.ts";

interface ListOptions {
  workspace?: string;
  status?: DeliveryStatus;
  after?: string;
  limit: number;
  json?: boolean;
}

export function deliveriesCommands(): Command {
  const group = new Command("deliveries").description("Webhooks: what was sent, what waits for its next attempt, what was given up.");
  group
    .command("list")
    .description("List deliveries, newest first.")
    .option("--workspace <name>", "its id, uid or nickname; otherwise those of all")
    .addOption(new Option("--status <status>", "only these").choices(["pending", "delivered", "failed"]))
    .option("--after <id>", "only those made before this delivery")
    .option("--limit <number>", "how many at most", wholeNumber, 50)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline deliveries list --status failed")
    .action((options: ListOptions) => overStore(options, (session) => list(session, options)));
  group
    .command("replay")
    .description("Send a delivery again, with the same id and body; a running server with the role jobs does it.")
    .argument("<id>", "the delivery's id")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline deliveries replay 01a1f96d-3b01-70e0-8f0a-170b736f5c54")
    .action((id: string, options: { json?: boolean }) => overStore(options, (session) => replay(session, id)));
  return group;
}

async function list({ house }: Session, { workspace, status, after, limit }: ListOptions): Promise<Answer> {
  const deliveries = await listDeliveries(house, {
    limit,
    ...(workspace !== undefined ? { workspaceId: (await workspaceNamed(house, workspace)).id } : {}),
    ...(status ? { status } : {}),
    ...(after !== undefined ? { after } : {}),
  });
  if (deliveries.length === 0) return { json: [], text: "No deliveries. They appear when calls of an agent with a webhook_url happen." };
  const rows = deliveries.map((one) => [
    one.id,
    one.created_at,
    one.event_type,
    one.status,
    one.attempts,
    one.response_status,
    one.url,
    one.last_error,
  ]);
  return { json: deliveries, text: table(["ID", "WRITTEN (UTC)", "EVENT", "STATUS", "TRIES", "ANSWER", "URL", "WHY"], rows) };
}

async function replay({ house }: Session, id: string): Promise<Answer> {
  const delivery = await replayDelivery(house, id);
  return { json: delivery, text: `${delivery.event_type} will be sent to ${delivery.url} again.` };
}
