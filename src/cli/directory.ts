import { Command } from "commander";
import { createDirectory } from "../core/workspaces/createDirectory.ts";
import { listDirectories } from "../core/workspaces/listDirectories.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { sheet, table } from "./table.ts";

export function directoryCommands(): Command {
  const group = new Command("directory");
  group
    .command("create")
    .description("Make a directory.")
    .requiredOption("--name <name>", "of the partner")
    .option("--json", "print one JSON value")
    .addHelpText("after", '\nExample:\n  leadline directory create --name "Agency Ltd"')
    .action((options: { name: string; json?: boolean }) => overStore(options, (session) => create(session, options.name)));
  group
    .command("list")
    .description("List directories.")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline directory list")
    .action((options: { json?: boolean }) => overStore(options, list));
  return group;
}

async function create({ house }: Session, name: string): Promise<Answer> {
  const directory = await createDirectory(house, name);
  const next = [
    `Give it workspaces: leadline workspace create --directory ${directory.uid} ...`,
    `Make its key:       leadline key create --dialect vcita --kind directory --directory ${directory.uid}`,
  ];
  return { json: directory, text: [sheet(directory), "", ...next].join("\n") };
}

async function list({ house }: Session): Promise<Answer> {
  const directories = await listDirectories(house);
  if (directories.length === 0) return { json: [], text: 'No directories yet. Make one: leadline directory create --name "Agency Ltd"' };
  const rows = directories.map(({ uid, name, workspaces, created_at }) => [uid, name, workspaces, created_at]);
  return { json: directories, text: table(["UID", "NAME", "WORKSPACES", "CREATED (UTC)"], rows) };
}
