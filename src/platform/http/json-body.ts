import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import secureJson from "secure-json-parse";

/** The body is not JSON that we can store. */
export class MalformedBody extends Error {
  readonly statusCode = 400;
}

const DEEPEST = 64;

/**
 * Reads JSON bodies: valid UTF-8, no prototype tricks, at most 64 levels deep, and no character that PostgreSQL cannot keep
 * (U+0000, half surrogate pairs) or number that overflows, so that nothing is stored other than it was sent. An empty body reads as `{}`.
 */
export function acceptJson(app: FastifyInstance): void {
  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser(["application/json", "application/*+json"], { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, readJson(body as Buffer));
    } catch (error) {
      done(error as Error, undefined);
    }
  });
}

export function readJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  if (!isUtf8(body)) throw new MalformedBody("The body is not valid UTF-8.");
  const text = body.toString("utf8");
  let value: unknown;
  try {
    value = secureJson.parse(text, null, { protoAction: "error", constructorAction: "error" });
  } catch (error) {
    throw new MalformedBody(`The body is not valid JSON: ${(error as Error).message}`);
  }
  assertStorable(value, text);
  return value;
}

/** Only text with such an escape, a raw NUL being no JSON, can hold a character that cannot be stored. */
const SUSPICIOUS_ESCAPE = /\\u(?:0000|d[89a-f])/i;
/** Only a number with an exponent of three digits, or so many digits of its own, can overflow. */
const SUSPICIOUS_NUMBER = /\de\+?\d{3}|(?<!\d)\d{200}/i;

export function assertStorable(value: unknown, text: string): void {
  if (depthOf(text) > DEEPEST) throw new MalformedBody(`The body is nested more than ${DEEPEST} levels deep.`);
  if (SUSPICIOUS_ESCAPE.test(text) || SUSPICIOUS_NUMBER.test(text)) assertValues(value);
}

function assertValues(value: unknown): void {
  if (typeof value === "string") {
    if (value.includes("\u0000") || !value.isWellFormed()) {
      throw new MalformedBody("The body holds a character that is no text: U+0000 or half of a surrogate pair.");
    }
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new MalformedBody("The body holds a number that is too large.");
  } else if (Array.isArray(value)) {
    value.forEach(assertValues);
  } else if (value !== null && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) {
      assertValues(key);
      assertValues(inner);
    }
  }
}

/** Brackets within strings do not count. The text is valid JSON. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 34) quoted = !quoted;
    else if (code === 92) index++;
    else if (quoted) continue;
    else if (code === 123 || code === 91) deepest = Math.max(deepest, ++depth);
    else if (code === 125 || code === 93) depth--;
  }
  return deepest;
}
