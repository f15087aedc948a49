import { existsSync } from "node:fs";
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
  DATABASE_CONNECTIONS: variable("16", "Database connections of one process, at most.", wholeNumber(4, 500)),
  PUBLIC_URL: variable("", "URL under which clients reach this server. Default: http://HOST:PORT", httpUrl),
  LOG_LEVEL: variable("info", `One of ${LOG_LEVELS.join(", ")}.`, oneOf(LOG_LEVELS)),
  RATE_LIMIT_PER_MINUTE: variable("6000", "Requests per minute and API key; 0 turns the limit off.", wholeNumber(0, 10_000_000)),
  SMTP_URL: variable("", "Mail server: smtp://user:password@host:587. Without it, mails are held in the outbox.", smtpUrl),
  MAIL_FROM: variable("Leadline <leadline@localhost>", "Sender of mails.", mailAddress),
  OUTBOUND_ALLOW_PRIVATE: variable("false", "true lets webhooks go to private and loopback addresses.", trueOrFalse),
  SIMULATOR_SPEED: variable("1", "How fast the simulated carrier's time runs: 10 is ten times as fast, 0 does not wait at all.", speed),
  MASTER_KEY: variable("", "Encrypts secrets at rest; 32 characters at least. Default: a generated file in DATA_DIR.", masterKey),
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
