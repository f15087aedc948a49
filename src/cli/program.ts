import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { configurationHelp } from "./configuration-help.ts";
import { deliveriesCommands } from "./deliveries.ts";
import { directoryCommands } from "./directory.ts";
import { doctorCommand } from "./doctor.ts";
import { keyCommands } from "./key.ts";
import { migrateCommand } from "./migrate.ts";
import { numberCommands } from "./number.ts";
import { outboxCommands } from "./outbox.ts";
import { startCommand } from "./start.ts";
import { webhookSecretCommands } from "./webhook-secret.ts";
import { workspaceCommands } from "./workspace.ts";

/** The command line, ready to parse. */
export function createProgram(): Command {
  const program = new Command("leadline")
    .description("Takes in sales leads and calls them with AI voice agents.")
    .version(packageJson.version)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "leadline: ")) })
    .configureHelp({ showGlobalOptions: false })
    .addHelpText("after", () => `\n${configurationHelp()}`);
  for (const command of [
    startCommand(),
    migrateCommand(),
    workspaceCommands(),
    directoryCommands(),
    keyCommands(),
    numberCommands(),
    webhookSecretCommands(),
    deliveriesCommands(),
    outboxCommands(),
    doctorCommand(),
  ]) {
    program.addCommand(command);
    inherit(command, program);
  }
  return program;
}

function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) inherit(inner, command);
}
