import { isUtf8 } from "node:buffer";

/** Header text is UTF-8 (RFC 3261 7.1); lines that are not are taken as Latin-1, each by itself. */
export function decodeHead(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  let out = "";
  let at = 0;
  while (at < bytes.length) {
    const next = bytes.indexOf(10, at);
    const end = next < 0 ? bytes.length : next + 1;
    const line = bytes.subarray(at, end);
    out += line.toString(isUtf8(line) ? "utf8" : "latin1");
    at = end;
  }
  return out;
}
