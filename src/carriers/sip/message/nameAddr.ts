import { skipSpace, trim } from "./chars.ts";
import type { NameAddr, Uri } from "./message.ts";
import { params, parseParams, writeParams } from "./params.ts";
import { endOfQuoted, quote, unquote } from "./quoted.ts";
import { parseUri, writeUri } from "./uri.ts";

/**
 * One value of From, To, Contact, Route, Refer-To ...: `"Name" <uri>;params` or `uri;params`. Without angle brackets, `;` begins the
 * header's parameters, and `,` and `?` cannot be (RFC 3261 20.10). Display names without quotes may hold more than tokens.
 * Null when it is none.
 */
export function parseNameAddr(text: string): NameAddr | null {
  let i = skipSpace(text, 0);
  let displayName: string | null = null;
  if (text.charCodeAt(i) === 34) {
    const end = endOfQuoted(text, i);
    if (end < 0) return null;
    displayName = unquote(text.slice(i, end));
    i = skipSpace(text, end);
    if (text.charCodeAt(i) !== 60) return null;
  } else {
    const open = text.indexOf("<", i);
    if (open < 0 || hasQuoteBefore(text, i, open)) return parseBare(text, i);
    displayName = trim(text.slice(i, open));
    if (!isDisplayName(displayName)) return null;
    i = open;
  }
  const close = text.indexOf(">", i);
  if (close < 0) return null;
  const uri = parseUri(text.slice(i + 1, close));
  const found = parseParams(text, close + 1);
  return uri && found ? { displayName: displayName === "" ? null : displayName, uri, params: found } : null;
}

function parseBare(text: string, from: number): NameAddr | null {
  let end = from;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 59 || code === 32 || code === 9) break;
    if (code === 44 || code === 63) return null;
  }
  const uri = parseUri(text.slice(from, end));
  const found = parseParams(text, end);
  return uri && found ? { displayName: null, uri, params: found } : null;
}

function hasQuoteBefore(text: string, from: number, end: number): boolean {
  const at = text.indexOf('"', from);
  return at >= 0 && at < end;
}

function isDisplayName(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 34 || code === 44 || code === 59 || code === 62 || code === 92) return false;
  }
  return true;
}

/** Always in angle brackets. Throws as writeUri and writeParams do. */
export function writeNameAddr(from: NameAddr): string {
  const address = `<${writeUri(from.uri)}>${writeParams(from.params)}`;
  return from.displayName === null || from.displayName === "" ? address : `${quote(from.displayName)} ${address}`;
}

export const nameAddr = (
  uri: Uri,
  displayName: string | null = null,
  entries: Iterable<readonly [name: string, value: string | null]> = [],
): NameAddr => ({ displayName: displayName === "" ? null : displayName, uri, params: params(entries) });
