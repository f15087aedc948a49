import { isScope, SCOPES, type Scope } from "../core/scopes.ts";
import type { Dialect } from "../dialects/kit/dialect.ts";
import { Complaint } from "./complaint.ts";

/** Scopes as the operator names them, in the dialect's words or in our own; none named is all. Throws Complaint. */
export function scopesNamed(dialect: Dialect, names: readonly string[]): readonly Scope[] {
  if (names.length === 0) return SCOPES;
  const opened = new Set(names.flatMap((name) => scopesOf(dialect, name)));
  return SCOPES.filter((scope) => opened.has(scope));
}

function scopesOf(dialect: Dialect, name: string): readonly Scope[] {
  const own = Object.entries(dialect.scopes).find(([word]) => word === name)?.[1];
  if (own) return own;
  if (isScope(name)) return [name];
  const known = [...new Set([...Object.keys(dialect.scopes), ...SCOPES])];
  throw new Complaint(`There is no scope ${name}. The dialect ${dialect.name} takes: ${known.join(", ")}.`);
}
