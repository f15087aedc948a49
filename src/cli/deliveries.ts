import { Command, Option } from "commander";
import type { DeliveryStatus } from "../core/webhooks/delivery.ts";
import { listDeliveries } from "../core/webhooks/listDeliveries.ts";
import { replayDelivery } from "../core/webhooks/replayDelivery.ts";
import { countNumber } from "./arguments.ts";
import { workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { table } from "./table.ts";

interface ListOptions {
  workspace?: string;
  status?: DeliveryStatus;
  limit: number;
  after?: string;
  json?: boolean;
}

export function deliveryCommands(): Command {
  const group = new Command("deliveries");
  group
    .command("list")
    .description("List deliveries, newest first.")
    .option("--workspace <name>", "only those of one workspace: its id, uid or nickname")
    .addOption(new Option("--status <status>", "only these").choices(["pending", "delivered", "failed"]))
    .option("--limit <number>", "how many at most", countNumber, 50)
    .option("--after <id>", "only those older than this delivery")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline deliveries list --status failed")
    .action((options: ListOptions) => overStore(options, (session) => list(session, options)));
  group
    .command("replay")
    .description("Send a delivery again, with the same id and body.")
    .argument("<id>", "as `leadline deliveries list` shows it")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline deliveries replay 01a1f983-05b6-76bb-868d-43e04b1ac48c")
    .action((id: string, options: { json?: boolean }) => overStore(options, (session) => replay(session, id)));
  return group;
}

async function list({ house }: Session, options: ListOptions): Promise<Answer> {
  const workspace = options.workspace === undefined ? undefined : await workspaceNamed(house, options.workspace);
  const deliveries = await listDeliveries(house, {
    limit: options.limit,
    ...(workspace ? { workspaceId: workspace.id } : {}),
    ...(options.status ? { status: options.status } : {}),
    ...(options.after !== undefined ? { after: options.after } : {}),
  });
  if (deliveries.length === 0) return { json: [], text: "No deliveries. Calls of agents with a webhook_url make them." };
  const rows = deliveries.map((one) => [
    one.id,
    one.created_at,
    one.event_type,
    one.url,
    one.status,
    one.attempts,
    one.response_status,
    one.last_error,
  ]);
  return { json: deliveries, text: table(["ID", "MADE (UTC)", "EVENT", "TO", "STATUS", "ATTEMPTS", "ANSWER", "WHY"], rows) };
}

async function replay({ house }: Session, id: string): Promise<Answer> {
  const delivery = await replayDelivery(house, id);
  return { json: delivery, text: `Delivery ${id} is sent again as soon as a server with the role jobs runs.` };
}
