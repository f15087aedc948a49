import { is, PARAMETER, PARAMETER_TOLERATED, PASSWORD, TOKEN, USER, USER_TOLERATED } from "./chars.ts";
import { escapePart, unescapePart } from "./escapes.ts";
import { checkHost, parseHostPort } from "./host.ts";
import type { Params, SipUri, Uri } from "./message.ts";
import { noParams } from "./params.ts";

/**
 * As they were written: a Contact or Record-Route that is sent back must be the same bytes. `%2B` is not `+` (RFC 3261 19.1.4), and
 * not every peer compares as it should.
 */
const asWritten = new WeakMap<SipUri, string>();

/** RFC 3261 19.1.1, any other scheme as `other`; null when it is no URI. */
export function parseUri(text: string): Uri | null {
  const colon = text.indexOf(":");
  if (colon < 1) return null;
  const scheme = text.slice(0, colon).toLowerCase();
  if (scheme === "sip" || scheme === "sips") return parseSip(text, scheme, colon + 1);
  if (!isScheme(scheme)) return null;
  return colon + 1 < text.length && isVisible(text) ? { kind: "other", scheme, raw: text } : null;
}

function parseSip(text: string, scheme: "sip" | "sips", from: number): SipUri | null {
  const at = text.indexOf("@", from);
  let user: string | null = null;
  let password: string | null = null;
  if (at >= 0) {
    const colon = text.indexOf(":", from);
    const userEnd = colon >= 0 && colon < at ? colon : at;
    user = unescapePart(text.slice(from, userEnd), USER_TOLERATED);
    if (!user) return null;
    if (userEnd < at) {
      password = unescapePart(text.slice(userEnd + 1, at), PASSWORD | USER_TOLERATED);
      if (password === null) return null;
    }
  }
  const place = parseHostPort(text, at < 0 ? from : at + 1);
  if (!place) return null;
  const question = text.indexOf("?", place.end);
  const found = parseUriParams(text, place.end, question < 0 ? text.length : question);
  if (!found) return null;
  const headers = question < 0 ? null : text.slice(question + 1);
  if (headers !== null && !isVisible(headers)) return null;
  const uri: SipUri = { kind: "sip", scheme, user, password, host: place.host.toLowerCase(), port: place.port, params: found, headers };
  asWritten.set(uri, text);
  return uri;
}

function parseUriParams(text: string, from: number, end: number): Params | null {
  if (from === end) return noParams;
  const found = new Map<string, string | null>();
  let i = from;
  while (i < end) {
    if (text.charCodeAt(i) !== 59) return null;
    const next = text.indexOf(";", i + 1);
    const stop = next < 0 || next > end ? end : next;
    const one = text.slice(i + 1, stop);
    const equals = one.indexOf("=");
    const name = unescapePart(equals < 0 ? one : one.slice(0, equals), PARAMETER)?.toLowerCase();
    const value = equals < 0 ? null : unescapePart(one.slice(equals + 1), PARAMETER | PARAMETER_TOLERATED);
    if (!name || found.has(name) || (equals >= 0 && !value)) return null;
    found.set(name, value);
    i = stop;
  }
  return found;
}

/** As it was written, if it was; else escapes where it must. Throws on a host that is none, and on what would break out of angle brackets. */
export function writeUri(uri: Uri): string {
  if (uri.kind === "other") {
    const again = parseUri(uri.raw);
    if (again?.kind !== "other") throw new Error(`not a URI: ${JSON.stringify(uri.raw)}`);
    return uri.raw;
  }
  const written = asWritten.get(uri);
  if (written !== undefined) return written;
  let out = `${uri.scheme}:`;
  if (uri.user !== null) {
    out += escapePart(uri.user, USER);
    if (uri.password !== null) out += `:${escapePart(uri.password, PASSWORD)}`;
    out += "@";
  }
  out += checkHost(uri.host);
  if (uri.port !== null) out += `:${uri.port}`;
  for (const [name, value] of uri.params) {
    out += `;${escapePart(name, PARAMETER)}`;
    if (value !== null) out += `=${escapePart(value, PARAMETER)}`;
  }
  if (uri.headers !== null) {
    if (!isVisible(uri.headers)) throw new Error(`not the headers of a URI: ${JSON.stringify(uri.headers)}`);
    out += `?${uri.headers}`;
  }
  return out;
}

/** IPv6 with or without brackets. */
export function sipUri(parts: {
  scheme?: "sip" | "sips";
  user?: string | null;
  password?: string | null;
  host: string;
  port?: number | null;
  params?: Iterable<readonly [name: string, value: string | null]>;
  headers?: string | null;
}): SipUri {
  const { scheme = "sip", user = null, password = null, port = null, headers = null } = parts;
  const host = parts.host.toLowerCase();
  return {
    kind: "sip",
    scheme,
    user: user === "" ? null : user,
    password,
    host: host.includes(":") && !host.startsWith("[") ? `[${host}]` : host,
    port,
    params: new Map([...(parts.params ?? [])].map(([name, value]) => [name.toLowerCase(), value])),
    headers,
  };
}

function isScheme(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const letter = code >= 97 && code <= 122;
    if (i === 0 ? !letter : !letter && !(is(code, TOKEN) && "0123456789+-.".includes(text.charAt(i)))) return false;
  }
  return true;
}

/** Nothing that would end it: no white space, control characters, quotes or angle brackets. */
function isVisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code === 34 || code === 60 || code === 62 || code === 127) return false;
  }
  return true;
}
