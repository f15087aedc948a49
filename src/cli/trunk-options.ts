import { type Command, Option } from "commander";
import { CALLER_ID_FORMATS, SRTP_POLICIES, type TrunkSettings } from "../core/trunks/fields.ts";
import type { CallerIdFormat, SrtpPolicy } from "../core/trunks/trunk.ts";
import { decimalNumber, wholeNumber } from "./arguments.ts";
import { passwordFrom } from "./read-password.ts";

/** As commander gives them; false is the `--no-` of an option. */
export interface SettingOptions {
  gateway?: string[];
  domain?: string | false;
  username?: string | false;
  password?: string;
  register?: boolean;
  codecs?: string;
  srtp?: SrtpPolicy;
  callerId?: CallerIdFormat;
  maxChannels?: number | false;
  cps?: number | false;
  allowInbound?: string[] | false;
  yes?: boolean;
}

/** The settings of a trunk, for `trunk add` and `trunk update`. */
export const withSettingOptions = (command: Command): Command =>
  command
    .option("--domain <host>", "of our address and the callee's, where the provider gave one; default the gateway's host")
    .option("--username <name>", "for gateways that ask who calls, and for callers that we ask")
    .option("--password <password>", "goes with --username; - reads it from standard input")
    .option("--register", "log in at the gateways and stay so, as providers want it that find you by login and not by IP address")
    .option("--codecs <names>", "in order of preference: pcma (A-law), pcmu (mu-law); default pcma,pcmu")
    .addOption(new Option("--srtp <policy>", "encrypted audio; default off").choices(SRTP_POLICIES))
    .addOption(
      new Option(
        "--caller-id <format>",
        "how numbers are written: e164 +972501234567, international 972501234567, national 0501234567; default e164",
      ).choices(CALLER_ID_FORMATS),
    )
    .option("--max-channels <number>", "calls at once over this trunk; default no limit", wholeNumber)
    .option("--cps <number>", "new calls a second, such as 1 or 0.5; default no limit", decimalNumber)
    .option("--allow-inbound <cidr...>", "networks or addresses whose calls are taken without credentials, such as 203.0.113.0/24")
    .option("--yes", "take networks from which anybody could call in");

/** And what takes a setting away again, for `trunk update`. */
export const withRemovalOptions = (command: Command): Command =>
  command
    .option("--no-domain", "take the domain away")
    .option("--no-username", "take username and password away")
    .option("--no-register", "log out")
    .option("--no-max-channels", "lift the limit")
    .option("--no-cps", "lift the limit")
    .option("--no-allow-inbound", "take no calls without credentials");

/** The same for the store. Throws Complaint: no password on standard input. */
export async function settingsFrom(options: SettingOptions): Promise<Partial<TrunkSettings>> {
  const orNull = <T>(value: T | false): T | null => (value === false ? null : value);
  const { gateway, domain, username, password, register, codecs, srtp, callerId, maxChannels, cps, allowInbound, yes } = options;
  return {
    ...(gateway ? { gateways: gateway } : {}),
    ...(domain !== undefined ? { domain: orNull(domain) } : {}),
    ...(username !== undefined ? { username: orNull(username) } : {}),
    ...(password !== undefined ? { password: await passwordFrom(password) } : {}),
    ...(register !== undefined ? { register } : {}),
    ...(codecs !== undefined ? { codecs: listOf([codecs]) } : {}),
    ...(srtp !== undefined ? { srtp } : {}),
    ...(callerId !== undefined ? { callerId } : {}),
    ...(maxChannels !== undefined ? { maxChannels: orNull(maxChannels) } : {}),
    ...(cps !== undefined ? { callsPerSecond: orNull(cps) } : {}),
    ...(allowInbound !== undefined ? { inboundNetworks: allowInbound === false ? [] : listOf(allowInbound) } : {}),
    ...(yes ? { letAnybodyCallIn: true } : {}),
  };
}

/** Names between commas, of an option that may also be repeated. */
const listOf = (texts: readonly string[]): string[] => texts.flatMap((text) => text.split(",").map((one) => one.trim()));
