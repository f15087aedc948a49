import { existsSync } from "node:fs";
import { isIP } from "node:net";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { LOG_LEVELS, type LogLevel } from "./platform/log.ts";

/** A setting that cannot be used; the message names it and says what would do. */
export class ConfigError extends Error {}

interface Variable<T> {
  /** For people: README and `leadline --help` show it. */
  help: string;
  fallback: string;
  parse(text: string, name: string): T;
}

const variable = <T>(fallback: string, help: string, parse: Variable<T>["parse"]): Variable<T> => ({ fallback, help, parse });

/** `auto`: the speech service when TTS_URL is set, else espeak-ng when it is installed. */
export const TTS_PROVIDERS = ["auto", "espeak-ng", "openai", "none"] as const;
export type TtsProvider = (typeof TTS_PROVIDERS)[number];

export interface SipListenAddress {
  protocol: "udp" | "tcp" | "tls";
  /** An IP address. */
  address: string;
  port: number;
}

/** Every setting there is. An empty value counts as not set. */
export const VARIABLES = {
  PORT: variable("8080", "TCP port of the HTTP server.", wholeNumber(0, 65_535)),
  HOST: variable("127.0.0.1", "Address to listen on; 0.0.0.0 for every interface.", text),
  DATA_DIR: variable(defaultDataDir(), "Folder of the embedded database, the master key and credentials.json.", (value) => resolve(value)),
  DATABASE_URL: variable(
    "",
    "PostgreSQL 15 or newer to use in place of the embedded one: postgres://user:password@host:5432/name",
    databaseUrl,
  ),
  DATABASE_CONNECTIONS: variable(
    "16",
    "Database connections of one process, at most, and up to six more for its job queue and notifications; leadline start is two processes when it carries calls.",
    wholeNumber(4, 500),
  ),
  PUBLIC_URL: variable("", "URL under which clients reach this server. Default: http://HOST:PORT", httpUrl),
  LOG_LEVEL: variable("info", `One of ${LOG_LEVELS.join(", ")}.`, oneOf(LOG_LEVELS)),
  RATE_LIMIT_PER_MINUTE: variable("6000", "Requests per minute and API key; 0 turns the limit off.", wholeNumber(0, 10_000_000)),
  SMTP_URL: variable("", "Mail server: smtp://user:password@host:587. Without it, mails are held in the outbox.", smtpUrl),
  MAIL_FROM: variable("Leadline <leadline@localhost>", "Sender of mails.", mailAddress),
  OUTBOUND_ALLOW_PRIVATE: variable(
    "false",
    "true lets webhooks go to private and loopback addresses, and by names of the hosts file.",
    trueOrFalse,
  ),
  SIMULATOR_SPEED: variable("1", "How fast the simulated carrier's time runs: 10 is ten times as fast, 0 does not wait at all.", speed),
  MASTER_KEY: variable("", "Encrypts secrets at rest; 32 characters at least. Default: a generated file in DATA_DIR.", masterKey),
  SIP_LISTEN: variable(
    "",
    "Where SIP is spoken, such as udp:0.0.0.0:5060,tcp:0.0.0.0:5060,tls:0.0.0.0:5061. Empty: UDP and TCP port 5060 once there is a trunk.",
    sipListen,
  ),
  SIP_PUBLIC_ADDRESS: variable(
    "",
    "IP address under which SIP gateways reach this machine. Default: that of the route to them.",
    ipAddress,
  ),
  SIP_TLS_CERT: variable("", "Certificate chain (PEM file) for SIP over TLS.", optionalPath),
  SIP_TLS_KEY: variable("", "Its private key (PEM file).", optionalPath),
  SIP_TLS_CA: variable("", "Certificate authorities (PEM file) that gateways are trusted by, in place of the system's.", optionalPath),
  RTP_PORTS: variable("16384-32767", "UDP ports for audio, from-to; a call takes two.", portRange),
  RECORDINGS_DIR: variable("", "Folder of call recordings, shared by all processes. Default: recordings in DATA_DIR.", optionalPath),
  RECORDINGS_KEEP_DAYS: variable("", "Recordings are deleted when they are so many days old. Empty: never.", optionalDays),
  TTS_PROVIDER: variable("auto", `Voice of agents on the telephone: ${TTS_PROVIDERS.join(", ")}.`, ttsProvider),
  TTS_URL: variable("", "Base URL of an OpenAI-compatible speech service, such as https://api.openai.com/v1", httpUrl),
  TTS_API_KEY: variable("", "Its key.", optionalText),
  TTS_MODEL: variable("gpt-4o-mini-tts", "Its model.", text),
  TTS_VOICE: variable("alloy", "Its voice, for agents whose own voice it does not know.", text),
  QUEUE_HOURS: variable("12", "How long a call may wait for capacity before it expires.", wholeNumber(1, 168)),
} as const satisfies Record<string, Variable<unknown>>;

export type Config = { readonly [Name in keyof typeof VARIABLES]: ReturnType<(typeof VARIABLES)[Name]["parse"]> } & {
  /** `PUBLIC_URL`, or what it is by default. */
  readonly publicUrl: string;
};

/** Reads the environment. Throws ConfigError for the first value that cannot be used. */
export function readConfig(environment: NodeJS.ProcessEnv): Config {
  const values: Record<string, unknown> = {};
  for (const [name, { fallback, parse }] of Object.entries(VARIABLES)) {
    const given = environment[name]?.trim();
    values[name] = parse(given ? given : fallback, name);
  }
  // Each value is what its own parser gave.
  const config = values as Omit<Config, "publicUrl">;
  return withPort(config, config.PORT);
}

/** For PORT=0, once the port is known. */
export function withPort(config: Omit<Config, "publicUrl">, port: number): Config {
  return { ...config, PORT: port, publicUrl: config.PUBLIC_URL ?? `http://${shownHost(config.HOST)}:${port}` };
}

/** Where this machine itself reaches a server that listens on `host`. */
export const shownHost = (host: string): string => {
  const reachable = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return reachable.includes(":") ? `[${reachable}]` : reachable;
};

/** Root cannot run PostgreSQL, and the user that then does could not reach a checkout under root's home. */
function defaultDataDir(): string {
  if (process.getuid?.() === 0) return "/var/lib/leadline";
  const checkout = fileURLToPath(new URL("..", import.meta.url));
  return existsSync(join(checkout, "package.json")) ? join(checkout, "data") : resolve("data");
}

function text(value: string): string {
  return value;
}

function optionalText(value: string): string | undefined {
  return value === "" ? undefined : value;
}

function optionalPath(value: string): string | undefined {
  return value === "" ? undefined : resolve(value);
}

function ipAddress(value: string, name: string): string | undefined {
  if (value === "") return undefined;
  if (isIP(value) === 0) throw new ConfigError(`${name} must be an IP address such as 203.0.113.7, not "${value}".`);
  return value;
}

function sipListen(value: string, name: string): SipListenAddress[] {
  if (value === "") return [];
  return value.split(",").map((entry) => {
    const match = /^(udp|tcp|tls):(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(entry.trim());
    const address = match?.[2] ?? match?.[3] ?? "";
    const port = Number(match?.[4]);
    if (!match || isIP(address) === 0 || port > 65_535) {
      throw new ConfigError(`${name} must be addresses such as udp:0.0.0.0:5060,tls:0.0.0.0:5061, not "${entry.trim()}".`);
    }
    const protocol = match[1]?.toLowerCase();
    return { protocol: protocol === "tcp" || protocol === "tls" ? protocol : "udp", address, port };
  });
}

function portRange(value: string, name: string): { from: number; to: number } {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(value);
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (!(from >= 1024 && to <= 65_535 && to > from)) {
    throw new ConfigError(`${name} must be a range of ports such as 16384-32767, not "${value}".`);
  }
  return { from, to };
}

function ttsProvider(value: string, name: string): TtsProvider {
  const known = TTS_PROVIDERS.find((one) => one === value);
  if (!known) throw new ConfigError(`${name} must be one of ${TTS_PROVIDERS.join(", ")}, not "${value}".`);
  return known;
}

function mailAddress(value: string, name: string): string {
  if (!/^[^\r\n]*<[^<>@\s]+@[^<>@\s]+>$|^[^<>@\s]+@[^<>@\s]+$/.test(value)) {
    throw new ConfigError(`${name} must be a mail address such as Clinic <hello@clinic.example>, not "${value}".`);
  }
  return value;
}

function wholeNumber(least: number, most: number): (value: string, name: string) => number {
  return (value, name) => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most))
      throw new ConfigError(`${name} must be a whole number from ${least} to ${most}, not "${value}".`);
    return number;
  };
}

function optionalDays(value: string, name: string): number | undefined {
  return value === "" ? undefined : wholeNumber(1, 36_500)(value, name);
}

function speed(value: string, name: string): number {
  const number = /^\d{1,6}(\.\d{1,6})?$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) throw new ConfigError(`${name} must be a number from 0 up, such as 1, 0.5 or 20, not "${value}".`);
  return number;
}

function oneOf(values: readonly LogLevel[]): (value: string, name: string) => LogLevel {
  return (value, name) => {
    const known = values.find((one) => one === value);
    if (!known) throw new ConfigError(`${name} must be one of ${values.join(", ")}, not "${value}".`);
    return known;
  };
}

function trueOrFalse(value: string, name: string): boolean {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new ConfigError(`${name} must be true or false, not "${value}".`);
}

function url(protocols: readonly string[], example: string): (value: string, name: string) => string | undefined {
  return (value, name) => {
    if (value === "") return undefined;
    // The value may hold a password, so the message does not repeat it.
    if (!URL.canParse(value) || !protocols.includes(new URL(value).protocol))
      throw new ConfigError(`${name} must be a URL such as ${example}.`);
    return value.replace(/\/+$/, "");
  };
}

function databaseUrl(value: string, name: string): string | undefined {
  return url(["postgres:", "postgresql:"], "postgres://user:password@host:5432/leadline")(value, name);
}

function httpUrl(value: string, name: string): string | undefined {
  return url(["http:", "https:"], "https://leadline.example.com")(value, name);
}

function smtpUrl(value: string, name: string): string | undefined {
  return url(["smtp:", "smtps:"], "smtp://user:password@mail.example.com:587")(value, name);
}

function masterKey(value: string, name: string): string | undefined {
  if (value === "") return undefined;
  if (value.length < 32) throw new ConfigError(`${name} must have at least 32 characters.`);
  return value;
}
