import { canonicalPhone, isE164 } from "../../platform/phone.ts";
import type { InputIssue } from "../errors.ts";
import type { JsonObject } from "../tables.ts";

/** What the platform itself says about a call to agents and tools (yappr 7.1); a caller's metadata cannot override it. */
export const RESERVED_METADATA_KEYS = ["id", "direction", "agent_number", "user_number", "agent_name"] as const;

const ISRAEL = "+972";
/** With the country code: 8 digits after it for a landline, 9 for a mobile (seed 001). */
const ISRAELI_LENGTHS = [12, 13];

/**
 * E.164, written in the one way that the Do-Not-Call list and the leads know it (no trunk zero), and for Israel of a length
 * that exists.
 */
export const isCallable = (phone: string): boolean =>
  isE164(phone) && canonicalPhone(phone) === phone && (!phone.startsWith(ISRAEL) || ISRAELI_LENGTHS.includes(phone.length));

/** What is wrong with a call before the store is asked: reserved metadata first, then the numbers (yappr 7.1, check order). */
export function callIssues(call: { to: string; from: string; metadata: JsonObject }): InputIssue[] {
  const issues: InputIssue[] = [];
  for (const key of RESERVED_METADATA_KEYS) {
    if (Object.hasOwn(call.metadata, key)) {
      issues.push({
        path: ["metadata", key],
        code: "metadata_reserved_key",
        message: `metadata must not hold the key ${key}: the platform sets it.`,
      });
    }
  }
  const wrong = (field: "to" | "from") =>
    issues.push({
      path: [field],
      code: `invalid_${field}_number`,
      message: `${field} must be a number in strict E.164 format, such as +972501234567.`,
    });
  if (!isCallable(call.to)) wrong("to");
  if (!isCallable(call.from)) wrong("from");
  if (call.to === call.from) issues.push({ path: ["to"], code: "self_call", message: "to and from must be different numbers." });
  return issues;
}
