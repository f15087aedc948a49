import { every, is, isSpace, skipSpace, TOKEN, VALUE } from "./chars.ts";
import type { Params } from "./message.ts";
import { endOfQuoted, quote, unquote } from "./quoted.ts";

export const noParams: Params = new Map();

export const params = (entries: Iterable<readonly [name: string, value: string | null]>): Params =>
  new Map([...entries].map(([name, value]) => [name.toLowerCase(), value]));

/** With one parameter set; undefined takes it away. */
export function withParam<T extends { readonly params: Params }>(of: T, name: string, value: string | null | undefined): T {
  const next = new Map(of.params);
  if (value === undefined) next.delete(name.toLowerCase());
  else next.set(name.toLowerCase(), value);
  return { ...of, params: next };
}

/**
 * The parameters of a header field from `at` to its end: `;name=value` with white space around (RFC 3261 25.1). Null when they
 * are not that, or one comes twice (7.3.1).
 */
export function parseParams(text: string, at: number): Params | null {
  let i = skipSpace(text, at);
  if (i >= text.length) return noParams;
  const found = new Map<string, string | null>();
  while (i < text.length) {
    if (text.charCodeAt(i) !== 59) return null;
    const start = skipSpace(text, i + 1);
    i = start;
    while (i < text.length && is(text.charCodeAt(i), TOKEN)) i++;
    if (i === start) return null;
    const name = text.slice(start, i).toLowerCase();
    if (found.has(name)) return null;
    i = skipSpace(text, i);
    if (text.charCodeAt(i) !== 61) {
      found.set(name, null);
      continue;
    }
    const from = skipSpace(text, i + 1);
    i = endOfValue(text, from);
    if (i <= from) return null;
    const value = text.slice(from, i);
    found.set(name, value.charCodeAt(0) === 34 ? unquote(value) : value);
    i = skipSpace(text, i);
  }
  return found;
}

function endOfValue(text: string, from: number): number {
  if (text.charCodeAt(from) === 34) return endOfQuoted(text, from);
  let i = from;
  while (i < text.length && is(text.charCodeAt(i), VALUE)) i++;
  return i === text.length || text.charCodeAt(i) === 59 || isSpace(text.charCodeAt(i)) ? i : -1;
}

/** `;name=value` of each, quoted where it must be. Throws when a name is no token. */
export function writeParams(from: Params): string {
  let out = "";
  for (const [name, value] of from) {
    if (!every(name, TOKEN)) throw new Error(`not a parameter name: ${JSON.stringify(name)}`);
    out += value === null ? `;${name}` : `;${name}=${every(value, VALUE) ? value : quote(value)}`;
  }
  return out;
}
