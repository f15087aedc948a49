import { Command } from "commander";
import { Conflict, InvalidInput } from "../core/errors.ts";
import { addTrunk } from "../core/trunks/addTrunk.ts";
import { getTrunk } from "../core/trunks/getTrunk.ts";
import { listTrunks } from "../core/trunks/listTrunks.ts";
import { OPEN_TO_ANYBODY } from "../core/trunks/readTrunkSettings.ts";
import { removeTrunk } from "../core/trunks/removeTrunk.ts";
import type { Trunk } from "../core/trunks/trunk.ts";
import { updateTrunk } from "../core/trunks/updateTrunk.ts";
import { Complaint } from "./complaint.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { shellWord } from "./shell-word.ts";
import { sheet, table } from "./table.ts";
import { type SettingOptions, settingsFrom, withRemovalOptions, withSettingOptions } from "./trunk-options.ts";
import { testCommand } from "./trunk-test.ts";
import { channelWords, gatewayNames, healthTable, healthWords, trunkNotes } from "./trunk-words.ts";

interface JsonOption {
  json?: boolean;
}
type AddOptions = SettingOptions & JsonOption & { name: string; gateway: string[] };
type UpdateOptions = SettingOptions & JsonOption & { name?: string };

const GATEWAY = "udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT; several are tried in order, the next when one is out of reach";

const ADD_EXAMPLES = `
Examples:
  leadline trunk add --name Provider --gateway udp:sip.example.com:5060 --allow-inbound 203.0.113.0/24
  leadline trunk add --name Provider --gateway tls:sip.example.com --username clinic --password - --register --srtp require
  leadline trunk add --name Office --gateway udp:192.168.1.10:5060 --caller-id national --max-channels 8 --cps 2

A password on the command line stays in the shell's history and can be seen by the machine's other users; - asks for it.`;

export function trunkCommands(): Command {
  const group = new Command("trunk");
  withSettingOptions(
    group
      .command("add")
      .description("Add a SIP trunk: a telephone provider, a PBX or a gateway.")
      .requiredOption("--name <name>", "what people call it")
      .requiredOption("--gateway <gateway...>", GATEWAY),
  )
    .option("--json", "print one JSON value")
    .addHelpText("after", ADD_EXAMPLES)
    .action((options: AddOptions) => overStore(options, (session) => add(session, options)));
  group
    .command("list")
    .description("List trunks with their health and the channels in use.")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline trunk list")
    .action((options: JsonOption) => overStore(options, list));
  group
    .command("show")
    .description("Show a trunk: its settings, what each voice node finds at its gateways, and its numbers.")
    .argument("<trunk>", "its name or id")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline trunk show Provider")
    .action((name: string, options: JsonOption) => overStore(options, (session) => show(session, name)));
  group.addCommand(testCommand());
  withRemovalOptions(
    withSettingOptions(
      group
        .command("update")
        .description("Change a trunk; what is not given stays as it is. Calls under way go on.")
        .argument("<trunk>", "its name or id")
        .option("--name <name>", "another name")
        .option("--gateway <gateway...>", `in place of its gateways: ${GATEWAY}`),
    ),
  )
    .option("--json", "print one JSON value")
    .addHelpText(
      "after",
      "\nExamples:\n  leadline trunk update Provider --password -\n  leadline trunk update Provider --no-max-channels --cps 5",
    )
    .action((name: string, options: UpdateOptions) => overStore(options, (session) => update(session, name, options)));
  group
    .command("remove")
    .description("Remove a trunk. Calls keep their history.")
    .argument("<trunk>", "its name or id")
    .option("--force", "also when numbers are on it; calls from them then go to the simulated carrier")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline trunk remove Provider")
    .action((name: string, options: JsonOption & { force?: boolean }) =>
      overStore(options, (session) => remove(session, name, options.force ?? false)),
    );
  return group;
}

async function add({ house, config }: Session, options: AddOptions): Promise<Answer> {
  const settings = { ...(await settingsFrom(options)), name: options.name, gateways: options.gateway };
  const trunk = await addTrunk(house, settings).catch(advise);
  const name = shellWord(trunk.name);
  const next = [`Try it:             leadline trunk test ${name}`, `Put a number on it: leadline number add +972551234567 --trunk ${name}`];
  return { json: trunk, text: [settingsSheet(trunk), "", ...trunkNotes(trunk, config), ...next].join("\n") };
}

async function update({ house, config }: Session, name: string, options: UpdateOptions): Promise<Answer> {
  const settings = { ...(await settingsFrom(options)), ...(options.name !== undefined ? { name: options.name } : {}) };
  const trunk = await updateTrunk(house, name, settings).catch(advise);
  return {
    json: trunk,
    text: [settingsSheet(trunk), "", ...trunkNotes(trunk, config), `Try it: leadline trunk test ${shellWord(trunk.name)}`].join("\n"),
  };
}

async function list({ house }: Session): Promise<Answer> {
  const trunks = await listTrunks(house);
  if (trunks.length === 0) {
    const how = "leadline trunk add --name Provider --gateway udp:sip.example.com:5060";
    return { json: [], text: `No trunks yet: calls go to the simulated carrier. Add one: ${how}` };
  }
  const rows = trunks.map((one) => [
    one.name,
    gatewayNames(one),
    healthWords(one.health),
    channelWords(one),
    one.number_count,
    one.created_at,
  ]);
  return { json: trunks, text: table(["NAME", "GATEWAYS", "HEALTH", "CHANNELS IN USE", "NUMBERS", "ADDED (UTC)"], rows) };
}

async function show({ house, config }: Session, name: string): Promise<Answer> {
  const trunk = await getTrunk(house, name);
  const health =
    trunk.health.length === 0
      ? "No voice node has checked this trunk lately. They do while leadline start runs."
      : healthTable(trunk.health, house.clock.now());
  const numbers = trunk.numbers.map((one) => [
    one.phone,
    one.friendly_name,
    `${one.workspace_name} (${one.workspace_uid})`,
    one.is_active ? "active" : "off",
    one.inbound_agent_id ?? "nobody",
  ]);
  const own = numbers.length === 0 ? "No numbers on it yet." : table(["NUMBER", "NAME", "WORKSPACE", "STATUS", "ANSWERED BY"], numbers);
  const settings = settingsSheet(trunk, { "channels in use": channelWords(trunk) });
  return { json: trunk, text: [settings, health, own, ...trunkNotes(trunk, config)].join("\n\n") };
}

async function remove({ house }: Session, name: string, force: boolean): Promise<Answer> {
  const { trunk, numbers } = await removeTrunk(house, name, { takeNumbersOff: force }).catch((error: unknown) => {
    if (!(error instanceof Conflict)) throw error;
    throw new Complaint(`${error.message} Put them on another with leadline number update, or take them off with --force.`);
  });
  const left = numbers.map(({ phone }) => phone);
  const note = left.length === 0 ? "" : ` Calls from ${left.join(", ")} go to the simulated carrier now.`;
  return { json: { id: trunk.id, name: trunk.name, numbers_taken_off: left }, text: `The trunk ${trunk.name} is removed.${note}` };
}

/** Says what of the command line would do. */
function advise(error: unknown): never {
  const wide = error instanceof InvalidInput && error.issues.some(({ code }) => code === OPEN_TO_ANYBODY);
  throw wide ? new Complaint(`${error.message} If that is what you want, add --yes.`) : error;
}

const settingsSheet = (trunk: Trunk, more: Record<string, unknown> = {}): string =>
  sheet({
    name: trunk.name,
    id: trunk.id,
    gateways: gatewayNames(trunk),
    domain: trunk.domain,
    username: trunk.username,
    password: trunk.username === null ? null : "kept encrypted",
    registers: trunk.register ? "yes" : "no",
    codecs: trunk.codecs.join(", "),
    srtp: trunk.srtp,
    "caller ID": trunk.caller_id,
    "calls at once": trunk.max_channels ?? "no limit",
    "calls a second": trunk.calls_per_second ?? "no limit",
    "inbound from": trunk.inbound_networks.join(", "),
    version: trunk.version,
    ...more,
  });
