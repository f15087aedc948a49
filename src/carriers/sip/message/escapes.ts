import { isUtf8 } from "node:buffer";
import { is } from "./chars.ts";

const PERCENT = 37;

/**
 * Undoes the %-escapes of a URI part (RFC 3261 19.1.2). Null when a character is not of the class, or an escape is none.
 * Escaped bytes that are no UTF-8 come as Latin-1.
 */
export function unescapePart(text: string, bits: number): string | null {
  let escaped = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === PERCENT) {
      if (hex(text.charCodeAt(i + 1)) < 0 || hex(text.charCodeAt(i + 2)) < 0) return null;
      escaped = true;
      i += 2;
    } else if (!is(code, bits) && code < 128) {
      return null;
    }
  }
  return escaped ? decode(text) : text;
}

/** Escapes what is not of the class, as UTF-8. */
export function escapePart(text: string, bits: number): string {
  for (let i = 0; i < text.length; i++) if (!is(text.charCodeAt(i), bits)) return encode(text, bits);
  return text;
}

function bytesOf(text: string): Buffer {
  const source = Buffer.from(text, "utf8");
  const bytes = Buffer.allocUnsafe(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    const byte = source[i] ?? 0;
    if (byte === PERCENT) {
      bytes[length++] = hex(source[i + 1] ?? 0) * 16 + hex(source[i + 2] ?? 0);
      i += 2;
    } else {
      bytes[length++] = byte;
    }
  }
  return bytes.subarray(0, length);
}

function decode(text: string): string {
  const bytes = bytesOf(text);
  return bytes.toString(isUtf8(bytes) ? "utf8" : "latin1");
}

function encode(text: string, bits: number): string {
  let out = "";
  for (const byte of Buffer.from(text, "utf8")) {
    out += is(byte, bits) ? String.fromCharCode(byte) : `%${byte < 16 ? "0" : ""}${byte.toString(16).toUpperCase()}`;
  }
  return out;
}

function hex(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}
