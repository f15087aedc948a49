import { isUuid } from "../../platform/ids.ts";
import type { InputIssue } from "../errors.ts";
import { CALLER_ID_FORMATS, MOST_GATEWAYS, MOST_NETWORKS, SRTP_POLICIES, type TrunkFields, type TrunkSettings } from "./fields.ts";
import { GATEWAY_FORM, parseGateway } from "./parseGateway.ts";
import { parseHost } from "./parseHost.ts";
import { parseNetwork } from "./parseNetwork.ts";
import { type Codec, gatewayName } from "./trunk.ts";

/** Reads what is given, each field by itself; `issues` has everything that is wrong. `fields` is whole only without issues. */
export function readTrunkSettings(given: Partial<TrunkSettings>): { fields: Partial<TrunkFields>; issues: InputIssue[] } {
  const issues: InputIssue[] = [];
  const wrong: Wrong = (path, code, message) => void issues.push({ path: typeof path === "string" ? [path] : path, code, message });
  const fields: Partial<TrunkFields> = {};
  if (given.name !== undefined) fields.name = readName(given.name, wrong);
  if (given.gateways !== undefined) fields.gateways = readGateways(given.gateways, wrong);
  if (given.domain !== undefined) fields.domain = readDomain(given.domain, wrong);
  if (given.username !== undefined) fields.username = readCredential("username", given.username, wrong);
  if (given.password !== undefined) fields.password = readCredential("password", given.password, wrong);
  if (given.register !== undefined) fields.register = given.register;
  if (given.codecs !== undefined) fields.codecs = readCodecs(given.codecs, wrong);
  if (given.callerId !== undefined) fields.caller_id = given.callerId;
  if (given.srtp !== undefined) fields.srtp = given.srtp;
  if (given.maxChannels !== undefined) fields.max_channels = given.maxChannels;
  if (given.callsPerSecond !== undefined) fields.calls_per_second = given.callsPerSecond;
  if (given.inboundNetworks !== undefined) fields.inbound_networks = readNetworks(given.inboundNetworks, given.letAnybodyCallIn, wrong);
  checkChoices(given, wrong);
  checkLimits(given, wrong);
  return { fields, issues };
}

type Wrong = (path: string | ReadonlyArray<string | number>, code: string, message: string) => void;

function readName(text: string, wrong: Wrong): string {
  const name = text.trim();
  if (name === "" || name.length > 64) wrong("name", "invalid", "The trunk's name must have 1 to 64 characters.");
  else if (/\p{C}/u.test(name)) wrong("name", "invalid", "The trunk's name must not have control or invisible characters.");
  else if (name.startsWith("-")) wrong("name", "invalid", "The trunk's name must not begin with a dash.");
  else if (isUuid(name)) wrong("name", "invalid", "The trunk's name must not look like an id.");
  return name;
}

function readGateways(texts: readonly string[], wrong: Wrong) {
  if (texts.length === 0) wrong("gateways", "required", `The trunk needs a gateway: ${GATEWAY_FORM}.`);
  if (texts.length > MOST_GATEWAYS) wrong("gateways", "too_many", `A trunk has at most ${MOST_GATEWAYS} gateways.`);
  const seen = new Set<string>();
  return texts.flatMap((text, index) => {
    const gateway = parseGateway(text);
    if (!gateway) {
      wrong(["gateways", index], "invalid", `${text} is no gateway. Write it as ${GATEWAY_FORM}; an IPv6 address in brackets.`);
      return [];
    }
    const name = gatewayName(gateway);
    if (seen.has(name)) wrong(["gateways", index], "repeated", `The gateway ${name} is given twice.`);
    seen.add(name);
    return [gateway];
  });
}

function readDomain(text: string | null, wrong: Wrong): string | null {
  const domain = text === null ? null : parseHost(text.trim());
  if (domain === undefined) wrong("domain", "invalid", `The domain must be a host name or an IP address, not ${text}.`);
  return domain ?? null;
}

const MOST_CHARACTERS = 256;

/** The value is not repeated: it may be the password that slipped into the wrong option. */
function readCredential(field: "username" | "password", text: string | null, wrong: Wrong): string | null {
  if (text === null) return null;
  if (text === "" || text.length > MOST_CHARACTERS) {
    wrong(field, "invalid", `The ${field} must have 1 to ${MOST_CHARACTERS} characters.`);
  } else if (/\p{Cc}/u.test(text)) {
    wrong(field, "invalid", `The ${field} must not have control characters, such as an end of line.`);
  } else if (field === "username" && text !== text.trim()) {
    wrong(field, "invalid", "The username must not begin or end with a blank.");
  }
  return text;
}

const CODECS: Readonly<Record<string, Codec>> = { pcma: "PCMA", alaw: "PCMA", pcmu: "PCMU", ulaw: "PCMU", mulaw: "PCMU" };

function readCodecs(names: readonly string[], wrong: Wrong): Codec[] {
  const codecs = names.flatMap((name, index) => {
    const codec = CODECS[name.trim().toLowerCase()];
    if (!codec)
      wrong(["codecs", index], "unknown_codec", `There is no codec ${name.trim() || '""'} here: pcma (A-law) and pcmu (mu-law) are.`);
    return codec ?? [];
  });
  if (names.length === 0) wrong("codecs", "required", "The trunk needs a codec: pcma, pcmu or both.");
  return [...new Set(codecs)];
}

/** Shorter than what any one organisation has. */
const LEAST_PREFIX = { 4: 8, 6: 16 } as const;

function readNetworks(texts: readonly string[], letAnybodyCallIn: boolean | undefined, wrong: Wrong): string[] {
  if (texts.length > MOST_NETWORKS) wrong("inboundNetworks", "too_many", `A trunk has at most ${MOST_NETWORKS} inbound networks.`);
  const networks = texts.flatMap((text, index) => {
    const path = ["inboundNetworks", index];
    const network = parseNetwork(text);
    if ("wrong" in network) {
      wrong(path, "invalid", network.wrong);
      return [];
    }
    if (network.prefix < LEAST_PREFIX[network.family] && !letAnybodyCallIn) {
      const why = `${network.cidr} is so wide that strangers could call in without credentials and take up the trunk's channels`;
      wrong(path, OPEN_TO_ANYBODY, `${why}. Name the provider's own networks.`);
    }
    return [network.cidr];
  });
  return [...new Set(networks)];
}

/** The code of the issue that `letAnybodyCallIn` does away with. */
export const OPEN_TO_ANYBODY = "open_to_anybody";

function checkChoices({ callerId, srtp }: Partial<TrunkSettings>, wrong: Wrong): void {
  if (callerId !== undefined && !CALLER_ID_FORMATS.includes(callerId))
    wrong("callerId", "invalid", `The caller ID must be one of ${CALLER_ID_FORMATS.join(", ")}.`);
  if (srtp !== undefined && !SRTP_POLICIES.includes(srtp)) wrong("srtp", "invalid", `SRTP must be one of ${SRTP_POLICIES.join(", ")}.`);
}

function checkLimits({ maxChannels, callsPerSecond }: Partial<TrunkSettings>, wrong: Wrong): void {
  if (maxChannels != null && !(Number.isInteger(maxChannels) && maxChannels >= 1 && maxChannels <= 100_000))
    wrong("maxChannels", "invalid", "The number of channels must be a whole number from 1 to 100000.");
  if (callsPerSecond != null && !(callsPerSecond >= 0.1 && callsPerSecond <= 1_000))
    wrong("callsPerSecond", "invalid", "The calls per second must be from 0.1 to 1000.");
}
