import { is, isSpace, isToken, skipSpace, TOKEN } from "./chars.ts";
import { checkHost, parseHostPort } from "./host.ts";
import type { Via } from "./message.ts";
import { params, parseParams, writeParams } from "./params.ts";

/** One value of Via: `SIP/2.0/UDP host:port;params`, white space around the slashes and the colon (RFC 3261 20.42). Null when it is none. */
export function parseVia(text: string): Via | null {
  let i = skipSpace(text, 0);
  if (text.slice(i, i + 3).toUpperCase() !== "SIP") return null;
  i = slash(text, i + 3);
  if (i < 0 || !text.startsWith("2.0", i)) return null;
  i = slash(text, i + 3);
  if (i < 0) return null;
  const start = i;
  while (i < text.length && is(text.charCodeAt(i), TOKEN)) i++;
  if (i === start || !isSpace(text.charCodeAt(i))) return null;
  const transport = text.slice(start, i).toUpperCase();
  const place = parseHostPort(text, skipSpace(text, i), skipSpace);
  if (!place) return null;
  const found = parseParams(text, place.end);
  return found && { transport, host: place.host, port: place.port, params: found };
}

function slash(text: string, at: number): number {
  const i = skipSpace(text, at);
  return text.charCodeAt(i) === 47 ? skipSpace(text, i + 1) : -1;
}

/** Throws on a host or a parameter that is none. */
export function writeVia(from: Via): string {
  if (!isToken(from.transport)) throw new Error(`not a transport: ${JSON.stringify(from.transport)}`);
  return `SIP/2.0/${from.transport} ${checkHost(from.host)}${from.port === null ? "" : `:${from.port}`}${writeParams(from.params)}`;
}

export const via = (parts: {
  transport: string;
  host: string;
  port?: number | null;
  params?: Iterable<readonly [name: string, value: string | null]>;
}): Via => ({
  transport: parts.transport.toUpperCase(),
  host: parts.host.includes(":") && !parts.host.startsWith("[") ? `[${parts.host}]` : parts.host,
  port: parts.port ?? null,
  params: params(parts.params ?? []),
});
