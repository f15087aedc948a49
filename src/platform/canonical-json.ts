import { createHash } from "node:crypto";

/** SHA-256 of a JSON value with its keys sorted: equal for requests that say the same in another order. */
export function hashJson(value: unknown): Buffer {
  return createHash("sha256")
    .update(JSON.stringify(sorted(value)))
    .digest();
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
