import { type Static, type TSchema, type TUnsafe, Type } from "typebox";

/** The schema, or null. Written as a list of types, so that a wrong value gets one error and not one for each branch. */
export function Nullable<T extends TSchema & { type?: string; enum?: readonly unknown[] }>(schema: T): TUnsafe<Static<T> | null> {
  const { type, enum: values, ...rest } = schema;
  return Type.Unsafe<Static<T> | null>({ ...rest, type: [type, "null"], ...(values ? { enum: [...values, null] } : {}) });
}

/** One of a few strings. */
export function StringEnum<const T extends readonly string[]>(values: T, options: Record<string, unknown> = {}): TUnsafe<T[number]> {
  return Type.Unsafe<T[number]>({ ...options, type: "string", enum: values });
}

export const Uuid = (options: Record<string, unknown> = {}) => Type.String({ ...options, format: "uuid" });
export const Email = (options: Record<string, unknown> = {}) => Type.String({ ...options, format: "email", maxLength: 254 });
export const DateTime = (options: Record<string, unknown> = {}) => Type.String({ ...options, format: "date-time" });

/** Any JSON object, kept as it is. */
export const FreeObject = (options: Record<string, unknown> = {}) =>
  Type.Unsafe<Record<string, unknown>>({ ...options, type: "object", additionalProperties: true });
