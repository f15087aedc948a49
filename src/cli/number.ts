import { Command, Option } from "commander";
import type { Agent } from "../core/agents/agent.ts";
import { findAgent } from "../core/agents/findAgent.ts";
import { listAgents } from "../core/agents/listAgents.ts";
import type { Context, House } from "../core/context.ts";
import { NotFound } from "../core/errors.ts";
import { addPhoneNumber } from "../core/phone-numbers/addPhoneNumber.ts";
import { listPhoneNumbers } from "../core/phone-numbers/listPhoneNumbers.ts";
import type { PhoneNumber } from "../core/phone-numbers/phone-number.ts";
import { removePhoneNumber } from "../core/phone-numbers/removePhoneNumber.ts";
import { updatePhoneNumber } from "../core/phone-numbers/updatePhoneNumber.ts";
import { findTrunk } from "../core/trunks/findTrunk.ts";
import { listTrunks } from "../core/trunks/listTrunks.ts";
import type { Trunk } from "../core/trunks/trunk.ts";
import { operatorContext, workspaceNamed } from "./owner.ts";
import { type Answer, overStore, type Session } from "./session.ts";
import { table } from "./table.ts";

interface Options {
  workspace?: string;
  json?: boolean;
}
interface AddOptions extends Options {
  name?: string;
  trunk?: string;
  inboundAgent?: string;
  outboundAgent?: string;
}
/** False is the `--no-` of an option. */
interface UpdateOptions extends Options {
  name?: string | false;
  trunk?: string | false;
  inboundAgent?: string | false;
  outboundAgent?: string | false;
  status?: "active" | "off";
}

const WORKSPACE = ["--workspace <name>", "its id, uid or nickname; not needed while there is only one"] as const;
const NUMBER = "in E.164, or in the national form of the workspace's country";
const INBOUND = ["--inbound-agent <agent>", "who answers calls to it: an agent's id or number"] as const;
const OUTBOUND = ["--outbound-agent <agent>", "whom API clients show as the one who calls from it: an agent's id or number"] as const;

const ADD_EXAMPLES = `
Examples:
  leadline number add +972551234567 --name Reception
  leadline number add +972551234567 --trunk Provider --inbound-agent 1001`;
const UPDATE_EXAMPLES = `
Examples:
  leadline number update +972551234567 --trunk Provider
  leadline number update +972551234567 --no-inbound-agent --status off`;

export function numberCommands(): Command {
  const group = new Command("number");
  group
    .command("add")
    .description("Give a workspace a number to call from and be called at.")
    .argument("<number>", NUMBER)
    .option(...WORKSPACE)
    .option("--name <name>", "what people call it")
    .option("--trunk <trunk>", "the line that it is on: a trunk's name or id; without one, calls go to the simulated carrier")
    .option(...INBOUND)
    .option(...OUTBOUND)
    .option("--json", "print one JSON value")
    .addHelpText("after", ADD_EXAMPLES)
    .action((number: string, options: AddOptions) => overStore(options, (session) => add(session, number, options)));
  group
    .command("list")
    .description("List a workspace's numbers.")
    .option(...WORKSPACE)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline number list --workspace demo.clinic1")
    .action((options: Options) => overStore(options, (session) => list(session, options)));
  group
    .command("update")
    .description("Change a number; what is not given stays as it is.")
    .argument("<number>", `${NUMBER}, or its id`)
    .option(...WORKSPACE)
    .option("--name <name>", "what people call it")
    .option("--no-name", "take the name away")
    .option("--trunk <trunk>", "put it on this trunk: its name or id")
    .option("--no-trunk", "take it off its trunk: calls go to the simulated carrier")
    .option(...INBOUND)
    .option("--no-inbound-agent", "nobody answers")
    .option(...OUTBOUND)
    .option("--no-outbound-agent", "nobody in particular")
    .addOption(new Option("--status <status>", "off: no calls from it, and calls to it are refused").choices(["active", "off"]))
    .option("--json", "print one JSON value")
    .addHelpText("after", UPDATE_EXAMPLES)
    .action((number: string, options: UpdateOptions) => overStore(options, (session) => update(session, number, options)));
  group
    .command("remove")
    .description("Take a number from a workspace. Calls keep their history.")
    .argument("<number>", `${NUMBER}, or its id`)
    .option(...WORKSPACE)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  leadline number remove +972551234567")
    .action((number: string, options: Options) => overStore(options, (session) => remove(session, number, options)));
  return group;
}

async function add({ house }: Session, phone: string, options: AddOptions): Promise<Answer> {
  const ctx = operatorContext(house, await workspaceNamed(house, options.workspace));
  const trunk = options.trunk === undefined ? undefined : await trunkNamed(house, options.trunk);
  const number = await addPhoneNumber(ctx, {
    phone,
    friendlyName: options.name ?? null,
    trunkId: trunk?.id ?? null,
    inboundAgentId: options.inboundAgent === undefined ? null : (await findAgent(ctx, options.inboundAgent)).id,
    outboundAgentId: options.outboundAgent === undefined ? null : (await findAgent(ctx, options.outboundAgent)).id,
  });
  return answer(ctx, number, trunk);
}

async function update({ house }: Session, phone: string, options: UpdateOptions): Promise<Answer> {
  const { name, trunk, inboundAgent, outboundAgent, status } = options;
  const ctx = operatorContext(house, await workspaceNamed(house, options.workspace));
  const agentId = async (given: string | false) => (given === false ? null : (await findAgent(ctx, given)).id);
  const number = await updatePhoneNumber(ctx, phone, {
    ...(name !== undefined ? { friendlyName: name === false ? null : name } : {}),
    ...(trunk !== undefined ? { trunkId: trunk === false ? null : (await trunkNamed(house, trunk)).id } : {}),
    ...(inboundAgent !== undefined ? { inboundAgentId: await agentId(inboundAgent) } : {}),
    ...(outboundAgent !== undefined ? { outboundAgentId: await agentId(outboundAgent) } : {}),
    ...(status !== undefined ? { isActive: status === "active" } : {}),
  });
  return answer(ctx, number, number.trunk_id === null ? undefined : await findTrunk(house.db.kysely, number.trunk_id));
}

async function list({ house }: Session, { workspace }: Options): Promise<Answer> {
  const ctx = operatorContext(house, await workspaceNamed(house, workspace));
  const [numbers, trunks, { agents }] = await Promise.all([
    listPhoneNumbers(ctx),
    listTrunks(house),
    listAgents(ctx, { limit: MOST_AGENTS, offset: 0 }),
  ]);
  if (numbers.length === 0) return { json: [], text: "No numbers yet. Add one: leadline number add +972551234567" };
  const trunkNames = new Map(trunks.map(({ id, name }) => [id, name]));
  const agentNames = new Map(agents.map((agent) => [agent.id, `${agent.settings.name} (${agent.number})`]));
  const shown = numbers.map((number) => ({ ...number, trunk: trunkNames.get(number.trunk_id ?? "") ?? null }));
  const rows = shown.map((one) => [
    one.phone,
    one.friendly_name,
    one.trunk ?? "simulated",
    one.inbound_agent_id === null ? "nobody" : (agentNames.get(one.inbound_agent_id) ?? one.inbound_agent_id),
    one.country,
    one.is_active ? "active" : "off",
    one.created_at,
  ]);
  return { json: shown, text: table(["NUMBER", "NAME", "TRUNK", "ANSWERED BY", "COUNTRY", "STATUS", "ADDED (UTC)"], rows) };
}

const MOST_AGENTS = 10_000;

async function remove({ house }: Session, phone: string, { workspace }: Options): Promise<Answer> {
  const number = await removePhoneNumber(operatorContext(house, await workspaceNamed(house, workspace)), phone);
  return { json: { id: number.id, phone: number.phone }, text: `${number.phone} is removed.` };
}

async function trunkNamed(house: House, name: string): Promise<Trunk> {
  const trunk = await findTrunk(house.db.kysely, name);
  if (!trunk) throw new NotFound("trunk", name);
  return trunk;
}

/** A number as it is now, in words. */
async function answer(ctx: Context, number: PhoneNumber, trunk: Pick<Trunk, "name"> | undefined): Promise<Answer> {
  const { phone } = number;
  const json = { ...number, trunk: trunk?.name ?? null };
  if (!number.is_active) return { json, text: `${phone} is off: no calls go out from it, and calls to it are refused.` };
  const out = trunk ? `over the trunk ${trunk.name}` : "to the simulated carrier";
  const from = `${phone} can be called from: calls go ${out}.`;
  const agent = number.inbound_agent_id === null ? undefined : await findAgent(ctx, number.inbound_agent_id);
  return { json, text: trunk || agent ? `${from}\n${answerWords(phone, agent)}` : from };
}

function answerWords(phone: string, agent: Agent | undefined): string {
  if (!agent) return `Nobody answers calls to it. To change that: leadline number update ${phone} --inbound-agent <agent>`;
  const { name } = agent.settings;
  return agent.is_active ? `Calls to it are answered by ${name}.` : `Calls to it are refused: ${name}, who would answer, is not active.`;
}
