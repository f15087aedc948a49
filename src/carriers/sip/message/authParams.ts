import { is, isSpace, skipSpace, TOKEN } from "./chars.ts";
import { endOfQuoted } from "./quoted.ts";

/** A challenge or credentials: `Digest realm="a", nonce="b"` (RFC 3261 25.1, RFC 7616 3.3). */
export interface AuthParams {
  /** Lower case. */
  readonly scheme: string;
  /** By lower-case name. What stood in quotes is as it stood there, escapes included: that is what digests are made over. */
  readonly params: ReadonlyMap<string, string>;
}

/** Null when it is none, or a parameter comes twice. */
export function parseAuthParams(text: string): AuthParams | null {
  let i = skipSpace(text, 0);
  const begin = i;
  while (i < text.length && is(text.charCodeAt(i), TOKEN)) i++;
  if (i === begin || (i < text.length && !isSpace(text.charCodeAt(i)))) return null;
  const scheme = text.slice(begin, i).toLowerCase();
  const params = new Map<string, string>();
  i = skipSpace(text, i);
  while (i < text.length) {
    if (text.charCodeAt(i) === 44) {
      i = skipSpace(text, i + 1);
      continue;
    }
    const start = i;
    while (i < text.length && is(text.charCodeAt(i), TOKEN)) i++;
    const name = text.slice(start, i).toLowerCase();
    i = skipSpace(text, i);
    if (name === "" || params.has(name) || text.charCodeAt(i) !== 61) return null;
    const from = skipSpace(text, i + 1);
    const quoted = text.charCodeAt(from) === 34;
    i = quoted ? endOfQuoted(text, from) : endOfBare(text, from);
    if (i < 0) return null;
    params.set(name, quoted ? text.slice(from + 1, i - 1) : text.slice(from, i));
    i = skipSpace(text, i);
    if (i < text.length && text.charCodeAt(i) !== 44) return null;
  }
  return { scheme, params };
}

/** A token, or what is sent without quotes though it should have them, such as base64. -1 when it has quotes inside. */
function endOfBare(text: string, from: number): number {
  let i = from;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 44 || isSpace(code)) break;
    if (code === 34 || code === 92) return -1;
  }
  return i;
}
