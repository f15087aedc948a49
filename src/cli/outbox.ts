import { Command, Option } from "commander";
import { listOutbox, type OutboxFilter } from "../core/outbox/listOutbox.ts";
import { countNumber } from "./arguments.ts";
import { operatorContext, workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { table } from "./table.ts";

interface ListOptions extends OutboxFilter {
  workspace?: string;
  limit: number;
  json?: boolean;
}

export function outboxCommands(): Command {
  const group = new Command("outbox");
  group
    .command("list")
    .description("List them, newest first.")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .addOption(new Option("--channel <channel>", "only these").choices(["email", "sms"]))
    .addOption(new Option("--status <status>", "only these").choices(["pending", "sending", "held", "sent", "failed"]))
    .option("--limit <number>", "how many at most", countNumber, 50)
    .option("--json", "print one JSON value, with the messages' texts")
    .addHelpText("after", "\nExample:\n  leadline outbox list --status held --json")
    .action((options: ListOptions) => overStore(options, (session) => list(session, options)));
  return group;
}

async function list({ house }: Session, { workspace, channel, status, limit }: ListOptions): Promise<Answer> {
  const ctx = operatorContext(house, await workspaceNamed(house, workspace));
  const messages = await listOutbox(ctx, { ...(channel ? { channel } : {}), ...(status ? { status } : {}) }, { limit });
  if (messages.length === 0) return { json: [], text: "Nothing in the outbox." };
  const rows = messages.map((one) => [one.created_at, one.channel, one.purpose, one.recipient, one.subject, one.status, one.last_error]);
  return { json: messages, text: table(["WRITTEN (UTC)", "CHANNEL", "PURPOSE", "TO", "SUBJECT", "STATUS", "WHY"], rows) };
}
