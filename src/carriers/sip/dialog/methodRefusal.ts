import type { Reply } from "../endpoint.ts";
import { ALLOW } from "./capabilities.ts";

/** Methods that belong to something that would have to be there: a call, a provisional response, a subscription. */
const WITHIN: ReadonlySet<string> = new Set(["BYE", "INFO", "UPDATE", "PRACK"]);

/** The answer to what nobody here takes: 481 for what needs a call, else 405 with what we do (RFC 3261 8.2.1). */
export function methodRefusal(method: string): Reply {
  if (method === "REFER") return { status: 603 };
  if (WITHIN.has(method)) return { status: 481 };
  const allow = ["Allow", ALLOW] as const;
  return method === "NOTIFY" ? { status: 489, headers: [["Allow-Events", "refer"], allow] } : { status: 405, headers: [allow] };
}
