import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { configurationHelp } from "./configuration-help.ts";
import { refuseEmpty } from "./refuseEmpty.ts";

interface Entry {
  about: string;
  load(): Promise<Command>;
}

/** A command's code is loaded when it is asked for: help comes at once. */
const COMMANDS: Readonly<Record<string, Entry>> = {
  start: {
    about: "Run Leadline until it is told to stop, by Ctrl-C or SIGTERM.",
    load: async () => (await import("./start.ts")).startCommand(),
  },
  migrate: {
    about: "Bring the database to this version of Leadline.",
    load: async () => (await import("./migrate.ts")).migrateCommand(),
  },
  workspace: {
    about: "Make and list workspaces: each is one tenant, with its own leads, agents and keys.",
    load: async () => (await import("./workspace.ts")).workspaceCommands(),
  },
  directory: {
    about: "Make and list directories: a partner that owns workspaces and reaches them with one key.",
    load: async () => (await import("./directory.ts")).directoryCommands(),
  },
  key: {
    about: "Make, list and revoke API keys.",
    load: async () => (await import("./key.ts")).keyCommands(),
  },
  trunk: {
    about: "Add, test and change SIP trunks: the lines that calls to real phones go over.",
    load: async () => (await import("./trunk.ts")).trunkCommands(),
  },
  number: {
    about: "Add, list and change the phone numbers that a workspace calls from and is called at.",
    load: async () => (await import("./number.ts")).numberCommands(),
  },
  call: {
    about: "List calls, and show what became of one: decisions, times, what the telephone network said.",
    load: async () => (await import("./call.ts")).callCommands(),
  },
  recording: {
    about: "List recordings of calls, and delete those that people ask to have deleted.",
    load: async () => (await import("./recording.ts")).recordingCommands(),
  },
  "webhook-secret": {
    about: "Replace the secret with which a workspace's webhooks are signed.",
    load: async () => (await import("./webhook-secret.ts")).webhookSecretCommands(),
  },
  deliveries: {
    about: "List what was sent to webhooks, and send it again.",
    load: async () => (await import("./deliveries.ts")).deliveryCommands(),
  },
  outbox: {
    about: "List mails and texts to people: sent, waiting, or held because nothing can send them.",
    load: async () => (await import("./outbox.ts")).outboxCommands(),
  },
  doctor: {
    about: "Check the set-up, and say what to do about what is wrong.",
    load: async () => (await import("./doctor.ts")).doctorCommand(),
  },
};

export const COMMAND_NAMES: readonly string[] = Object.keys(COMMANDS);

/** What Leadline starts itself. */
const INTERNAL: Readonly<Record<string, () => Promise<Command>>> = {
  voice: async () => (await import("./voice.ts")).voiceCommand(),
};

/** The command line, ready to parse; of the commands, only those wanted can be run. */
export async function createProgram(wanted: readonly string[]): Promise<Command> {
  const program = new Command("leadline")
    .description("Takes in sales leads and calls them with AI voice agents.")
    .version(packageJson.version)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "leadline: ")) })
    .hook("preAction", (_program, command) => refuseEmpty(command))
    .addHelpText("after", () => `\n${configurationHelp()}`);
  for (const [name, { about, load }] of Object.entries(COMMANDS)) {
    const command = wanted.includes(name) ? await load() : new Command(name);
    program.addCommand(command.description(about));
    inherit(command, program);
  }
  for (const [name, load] of Object.entries(INTERNAL)) {
    if (wanted[0] === name) program.addCommand(await load(), { hidden: true });
  }
  return program;
}

function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const inner of command.commands) inherit(inner, command);
}
