import { isSpace, isToken, trim } from "./chars.ts";
import { headerKey } from "./headerNames.ts";
import { limits } from "./limits.ts";

export interface Field {
  /** As written. */
  readonly name: string;
  /** headerKey of it. */
  readonly key: string;
  /** Without white space at its ends; continuation lines are joined with one space (RFC 3261 7.3.1). */
  readonly value: string;
}

export interface Head {
  readonly start: string;
  readonly fields: readonly Field[];
  /** What is wrong with it, when it is; the fields are those up to there. */
  readonly wrong: { readonly status: 400 | 513; readonly detail: string } | null;
}

/** The start line and the header fields of a message's text up to its empty line, without that. */
export function readHead(text: string): Head {
  const fields: Field[] = [];
  const startEnd = endOfLine(text, 0);
  const start = text.slice(0, startEnd);
  const failed = (detail: string, status: 400 | 513 = 400): Head => ({ start, fields, wrong: { status, detail } });
  if (hasBareBreak(start)) return failed("a line break that is not CR LF");
  let at = startEnd + 2;
  while (at < text.length) {
    if (fields.length === limits.fields) return failed(`more than ${limits.fields} header fields`, 513);
    const from = at;
    let end = endOfLine(text, at);
    const line = text.slice(at, end);
    if (isSpace(line.charCodeAt(0))) return failed("a continuation line that continues nothing");
    at = end + 2;
    const colon = line.indexOf(":");
    const name = colon < 0 ? "" : trim(line.slice(0, colon));
    let value = trim(line.slice(colon + 1));
    if (at < text.length && isSpace(text.charCodeAt(at))) {
      const parts = [value];
      while (at < text.length && isSpace(text.charCodeAt(at)) && end - from <= limits.field) {
        end = endOfLine(text, at);
        parts.push(trim(text.slice(at, end)));
        at = end + 2;
      }
      value = trim(parts.join(" "));
    }
    if (end - from > limits.field) return failed(`a header field of more than ${limits.field} bytes`, 513);
    if (hasBareBreak(name) || hasBareBreak(value)) return failed("a line break that is not CR LF");
    if (!isToken(name)) return failed("a line that is no header field");
    fields.push({ name, key: headerKey(name), value });
  }
  return { start, fields, wrong: null };
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf("\r\n", at);
  return end < 0 ? text.length : end;
}

const hasBareBreak = (line: string): boolean => line.includes("\n") || line.includes("\r");
