import { Ajv, type ErrorObject } from "ajv";
import addFormats from "ajv-formats";
import type { FastifySchemaCompiler } from "fastify";
import { isTimeZone } from "../time-zone.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Every wrong field at once. Bodies are taken as they are; what comes as text in a URL or header is read as its type. */
const strict = withFormats(new Ajv({ allErrors: true, strict: false, coerceTypes: false, useDefaults: false }));
const textual = withFormats(new Ajv({ allErrors: true, strict: false, coerceTypes: true, useDefaults: true }));

function withFormats(ajv: Ajv): Ajv {
  addFormats.default(ajv);
  return ajv.addFormat("uuid", UUID).addFormat("time-zone", isTimeZone);
}

/** The same for bodies so large that naming every wrong item would cost more than reading them: the first error only. */
const brief = withFormats(new Ajv({ allErrors: false, strict: false, coerceTypes: false, useDefaults: false }));

/** Values in a body, of which each may be wrong. */
const MANY_VALUES = 2_000;

export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema, httpPart }) => {
  if (httpPart !== "body") return textual.compile(schema);
  const thorough = strict.compile(schema);
  const quick = brief.compile(schema);
  const validate = (value: unknown) => {
    const chosen = countValues(value, MANY_VALUES) >= MANY_VALUES ? quick : thorough;
    const valid = chosen(value);
    validate.errors = chosen.errors;
    return valid;
  };
  validate.errors = undefined as ErrorObject[] | null | undefined;
  return validate;
};

/** How many values there are in a JSON value, counting no further than `most`. */
function countValues(value: unknown, most: number): number {
  if (value === null || typeof value !== "object") return 1;
  let count = 1;
  for (const inner of Object.values(value)) {
    count += countValues(inner, most - count);
    if (count >= most) break;
  }
  return count;
}

/** One field that does not fit its schema, in terms that a dialect can word. */
export interface FieldError {
  path: Array<string | number>;
  /** JSON Schema's keyword that failed: required, type, format, enum, minLength, maxLength, pattern, minimum, ... */
  keyword: string;
  params: Record<string, unknown>;
  /** Plain English, without the field's name. */
  message: string;
}

/** Ajv's errors by field; a missing or unknown property is the field that is wrong, and the noise of unions is left out. */
export function fieldErrors(errors: readonly ErrorObject[], root: unknown): FieldError[] {
  const seen = new Set<string>();
  return errors
    .filter((error) => !["if", "anyOf", "oneOf", "allOf", "not"].includes(error.keyword) || errors.length === 1)
    .map((error) => {
      const path = pathOf(error.instancePath, root);
      const extra = error.params.missingProperty ?? error.params.additionalProperty;
      if (typeof extra === "string") path.push(extra);
      return { path, keyword: error.keyword, params: error.params, message: wordOf(error) };
    })
    .filter(({ path }) => {
      const name = path.join("\u0000");
      return !seen.has(name) && seen.add(name);
    });
}

function pathOf(pointer: string, root: unknown): Array<string | number> {
  let at: unknown = root;
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => {
      const step = Array.isArray(at) ? Number(part) : part;
      at = at !== null && typeof at === "object" ? (at as Record<string, unknown>)[part] : undefined;
      return step;
    });
}

function wordOf(error: ErrorObject): string {
  switch (error.keyword) {
    case "required":
      return "is required";
    case "additionalProperties":
      return "is not a known field";
    case "enum":
      return `must be one of: ${(error.params.allowedValues as unknown[]).join(", ")}`;
    case "format":
      return `must be a valid ${error.params.format}`;
    case "minLength":
      return error.params.limit === 1 ? "must not be empty" : `must have at least ${error.params.limit} characters`;
    case "maxLength":
      return `must have at most ${error.params.limit} characters`;
    default:
      return error.message ?? "is not valid";
  }
}
