import type { FastifyInstance } from "fastify";

/** Reads bodies and queries as Laravel's middleware and rules do, before they are validated. */
export function acceptLeniently(app: FastifyInstance): void {
  app.addHook("preValidation", async (request) => {
    const { body, querystring } = request.routeOptions.schema ?? {};
    if (body) request.body = lenient(body, request.body);
    if (querystring) request.query = lenient(querystring, request.query);
  });
}

/**
 * What Laravel takes for the same: strings are trimmed, an empty one or null is no value, `"12"` is 12 where the schema wants
 * an integer, and 0, 1, `"0"`, `"1"` are booleans where it wants one. Objects without declared properties stay as they are.
 */
export function lenient(schema: unknown, value: unknown): unknown {
  if (!isObject(schema)) return value;
  if (Array.isArray(value)) return schema.items ? value.map((item) => lenient(schema.items, item)) : value;
  if (isObject(value)) return isObject(schema.properties) ? members(schema.properties, value) : value;
  if (typeof value === "string") return text(schema.type, value.trim());
  if (schema.type === "boolean" && (value === 0 || value === 1)) return value === 1;
  return value;
}

function members(properties: Record<string, unknown>, value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, inner]) => [name, Object.hasOwn(properties, name) ? lenient(properties[name], inner) : inner] as const)
      .filter(([name, inner]) => inner !== null || !Object.hasOwn(properties, name)),
  );
}

function text(type: unknown, value: string): unknown {
  if (value === "") return null;
  if (type === "integer" && /^[+-]?[0-9]{1,15}$/.test(value)) return Number(value);
  if (type === "boolean" && (value === "0" || value === "1")) return value === "1";
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === "object" && !Array.isArray(value);
