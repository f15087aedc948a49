/** Character classes of RFC 3261 25.1 as bit masks over ASCII. */
export const TOKEN = 1;
/** Of a URI's user part, and what is written unescaped in it by devices that should not (`#`, brackets, `^`, `{`, `|`, `}`, `` ` ``). */
export const USER = 2;
export const USER_TOLERATED = 4;
export const PASSWORD = 8;
/** Of a URI's parameters, and what proxies write unescaped in the values of their own (base64 among them). */
export const PARAMETER = 16;
export const PARAMETER_TOLERATED = 128;
export const HOST = 32;
/** Of an unquoted parameter value of a header field: wider than a token, as tags and branches in the field are. */
export const VALUE = 64;

const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const unreserved = `${alphanumeric}-_.!~*'()`;

const table = new Uint8Array(128);
function mark(bit: number, characters: string): void {
  for (let i = 0; i < characters.length; i++) {
    const code = characters.charCodeAt(i);
    table[code] = (table[code] ?? 0) | bit;
  }
}
mark(TOKEN, `${alphanumeric}-.!%*_+\`'~`);
mark(USER | USER_TOLERATED, `${unreserved}&=+$,;?/`);
mark(USER_TOLERATED, "#[]^{}|`");
mark(PASSWORD, `${unreserved}&=+$,`);
mark(PARAMETER, `${unreserved}[]/:&+$`);
mark(PARAMETER_TOLERATED, "=@,#{}^|`");
mark(HOST, `${alphanumeric}-._`);
mark(VALUE, `${unreserved}%+\`[]:/=@&$^{}|#`);

export const is = (code: number, bits: number): boolean => code < 128 && ((table[code] ?? 0) & bits) !== 0;

/** Whether every character of a text that has one is of the class. */
export function every(text: string, bits: number): boolean {
  for (let i = 0; i < text.length; i++) if (!is(text.charCodeAt(i), bits)) return false;
  return text.length > 0;
}

export const isToken = (text: string): boolean => every(text, TOKEN);

const SPACE = 32;
const TAB = 9;
export const isSpace = (code: number): boolean => code === SPACE || code === TAB;

/** The first position from `at` on that is not white space. */
export function skipSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && isSpace(text.charCodeAt(i))) i++;
  return i;
}

/** Without white space (SP, HTAB) at its ends. */
export function trim(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  const start = skipSpace(text, 0);
  return start < end ? text.slice(start, end) : "";
}

/** A decimal number of any length with leading zeros; null when it is none, or above `max`. */
export function parseNumber(text: string, max: number): number | null {
  if (text.length === 0) return null;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return null;
    value = value * 10 + digit;
    if (value > max) return null;
  }
  return value;
}

/** A `callid`, read as widely as it can be told from what stands beside it: anything but white space and control characters. */
export function isCallId(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) <= 32) return false;
  return text !== "";
}
