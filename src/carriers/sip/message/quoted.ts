const QUOTE = 34;
const BACKSLASH = 92;

/** Where the quoted string that begins at `at` ends, behind its closing quote; -1 when it is not closed (RFC 3261 25.1). */
export function endOfQuoted(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i++;
    else if (code === QUOTE) return i + 1;
  }
  return -1;
}

/** What a quoted string, given with its quotes, says. */
export function unquote(text: string): string {
  const inner = text.slice(1, -1);
  if (!inner.includes("\\")) return inner;
  let out = "";
  for (let i = 0; i < inner.length; i++) {
    if (inner.charCodeAt(i) === BACKSLASH) i++;
    out += inner.charAt(i);
  }
  return out;
}

/** As a quoted string. A line break cannot stand in one and becomes a space. */
export function quote(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 13 || code === 10) out += " ";
    else if (code === QUOTE || code === BACKSLASH || (code < 32 && code !== 9) || code === 127) out += `\\${text.charAt(i)}`;
    else out += text.charAt(i);
  }
  return `${out}"`;
}
