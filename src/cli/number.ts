import { Command } from "commander";
import { addPhoneNumber } from "../core/phone-numbers/addPhoneNumber.ts";
import { listPhoneNumbers } from "../core/phone-numbers/listPhoneNumbers.ts";
import { operatorContext, workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { table } from "./table.ts";

interface Options {
  workspace?: string;
  name?: string;
  json?: boolean;
}

export function numberCommands(): Command {
  const group = new Command("number");
  group
    .command("add")
    .description("Give a workspace a number to call from. Calls from it go to the simulated carrier.")
    .argument("<number>", "in E.164, or in the national form of the workspace's country")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .option("--name <name>", "what people call it")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline number add +972551234567 --name Reception")
    .action((number: string, options: Options) => overStore(options, (session) => add(session, number, options)));
  group
    .command("list")
    .description("List a workspace's numbers.")
    .option("--workspace <name>", "its id, uid or nickname; not needed while there is only one")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline number list --workspace demo.clinic1")
    .action((options: Options) => overStore(options, (session) => list(session, options)));
  return group;
}

async function add({ house }: Session, phone: string, { workspace, name }: Options): Promise<Answer> {
  const ctx = operatorContext(house, await workspaceNamed(house, workspace));
  const number = await addPhoneNumber(ctx, { phone, friendlyName: name ?? null });
  return { json: number, text: `${number.phone} can be called from now.` };
}

async function list({ house }: Session, { workspace }: Options): Promise<Answer> {
  const numbers = await listPhoneNumbers(operatorContext(house, await workspaceNamed(house, workspace)));
  if (numbers.length === 0) return { json: [], text: "No numbers yet. Add one: leadline number add +972551234567" };
  const rows = numbers.map((one) => [one.phone, one.friendly_name, one.country, one.is_active ? "active" : "off", one.created_at]);
  return { json: numbers, text: table(["NUMBER", "NAME", "COUNTRY", "STATUS", "ADDED (UTC)"], rows) };
}
