import { Command } from "commander";
import { createWorkspace } from "../core/workspaces/createWorkspace.ts";
import { listWorkspaces } from "../core/workspaces/listWorkspaces.ts";
import { wholeNumber } from "./arguments.ts";
import { directoryNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { sheet, table } from "./table.ts";

interface CreateOptions {
  name: string;
  nickname?: string;
  timeZone: string;
  country: string;
  callLimit?: number;
  directory?: string;
  ownerName?: string;
  ownerEmail?: string;
  ownerPhone?: string;
  json?: boolean;
}

export function workspaceCommands(): Command {
  const group = new Command("workspace");
  group
    .command("create")
    .description("Make a workspace.")
    .requiredOption("--name <name>", "of the company")
    .requiredOption("--time-zone <zone>", "IANA time zone, such as Asia/Jerusalem")
    .requiredOption("--country <code>", "ISO 3166-1 code, such as IL; numbers in national form are read in it")
    .option("--nickname <nickname>", "another name for its uid: 5 or more of a-z, 0-9 and dot")
    .option("--call-limit <number>", "calls at once; default 10", wholeNumber)
    .option("--directory <uid>", "the partner that owns it")
    .option("--owner-name <name>", "who is told of new leads")
    .option("--owner-email <email>", "where mails to the owner go")
    .option("--owner-phone <phone>", "where texts to the owner go")
    .option("--json", "print one JSON value")
    .addHelpText("after", '\nExample:\n  leadline workspace create --name "Smile Clinic" --time-zone Europe/Sofia --country BG')
    .action((options: CreateOptions) => overStore(options, (session) => create(session, options)));
  group
    .command("list")
    .description("List workspaces.")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline workspace list --json")
    .action((options: { json?: boolean }) => overStore(options, list));
  return group;
}

async function create({ house }: Session, options: CreateOptions): Promise<Answer> {
  const { name, nickname, timeZone, country, callLimit, ownerName, ownerEmail, ownerPhone } = options;
  const directory = options.directory === undefined ? undefined : await directoryNamed(house, options.directory);
  const { workspace, webhookSecret } = await createWorkspace(house, {
    name,
    timeZone,
    country: country.toUpperCase(),
    ...(nickname !== undefined ? { nickname } : {}),
    ...(callLimit !== undefined ? { callLimit } : {}),
    ...(directory ? { directoryId: directory.id } : {}),
    owner: {
      ...(ownerName !== undefined ? { name: ownerName } : {}),
      ...(ownerEmail !== undefined ? { email: ownerEmail } : {}),
      ...(ownerPhone !== undefined ? { phone: ownerPhone } : {}),
    },
  });
  const made = {
    id: workspace.id,
    uid: workspace.uid,
    nickname: workspace.nickname,
    name: workspace.name,
    time_zone: workspace.timeZone,
    country: workspace.country,
    directory_id: workspace.directoryId,
    webhook_secret: webhookSecret,
  };
  const next = `The webhook secret is shown only here.\nNow make a key: leadline key create --dialect yappr --workspace ${workspace.uid}`;
  return { json: made, text: `${sheet(made)}\n\n${next}` };
}

async function list({ house }: Session): Promise<Answer> {
  const workspaces = await listWorkspaces(house);
  if (workspaces.length === 0) return { json: [], text: "No workspaces yet. Make one: leadline workspace create --help" };
  const rows = workspaces.map((one) => [one.uid, one.nickname, one.name, one.time_zone, one.country, one.call_limit, one.created_at]);
  return { json: workspaces, text: table(["UID", "NICKNAME", "NAME", "TIME ZONE", "COUNTRY", "CALLS AT ONCE", "CREATED (UTC)"], rows) };
}
