import type { Static } from "typebox";
import type { Notice } from "../../core/conversations/notices.ts";
import type { SubmitRequest } from "../../core/conversations/submitRequest.ts";
import { FLAGS, type FlagWord, type LeadgenBody } from "./leads.schema.ts";

const WORDS = new Set(["identifier_type", "opt_in", "opt_in_transactional_sms"]);
const MAPS = new Set(["request_data", "message_data"]);

/**
 * What is null, blank or an empty object counts as not sent, text has no blanks around it, and words are read in any case.
 * PHP writes an empty object as `[]`. A value of a wrong type is left for validation to refuse. `known`: the keys to keep.
 */
export function tidy(body: unknown, known?: readonly string[]): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return Object.fromEntries(
    Object.entries(body)
      .filter(([key]) => known === undefined || known.includes(key))
      .map(([key, value]) => [key, MAPS.has(key) ? tidyMap(value) : tidyText(value, WORDS.has(key))] as const)
      .filter(([, value]) => value !== undefined),
  );
}

function tidyText(value: unknown, word: boolean): unknown {
  if (value === null) return undefined;
  if (typeof value !== "string") return value;
  const text = value.trim();
  if (text === "") return undefined;
  return word ? text.toLowerCase() : text;
}

function tidyMap(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return tidyText(value, false);
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && (typeof inner !== "string" || inner.trim() !== ""));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** A body that was tidied and found valid. */
export function toRequest(body: Static<typeof LeadgenBody>): SubmitRequest {
  return {
    identifyBy: body.identifier_type === "email" ? "email" : "external_id",
    email: body.email ?? null,
    externalId: body.unique_id ?? null,
    firstName: body.first_name,
    lastName: body.last_name ?? null,
    phone: body.phone ?? null,
    address: body.address ?? null,
    relationship: body.status === undefined ? null : relationshipOf(body.status),
    optIn: flagOf(body.opt_in),
    optInTransactionalSms: flagOf(body.opt_in_transactional_sms),
    tagNames: words(body.tags),
    sourceName: body.source ?? null,
    sourceUrl: body.source_url ?? null,
    title: body.request_title,
    answers: textMap(body.request_data),
    details: textMap(body.message_data),
    businessNote: body.system_message ?? null,
    notices: noticesOf(body.notifications),
  };
}

/** vcita 6.3: these four in lower case; a business may have others, in its own spelling. */
const STATUSES = new Set(["lead", "customer", "loyal", "inactive"]);

const relationshipOf = (status: string): string => (STATUSES.has(status.toLowerCase()) ? status.toLowerCase() : status);

const flagOf = (value: boolean | FlagWord | undefined): boolean | null => (typeof value === "string" ? FLAGS[value] : (value ?? null));

const words = (list: string | undefined): string[] =>
  (list ?? "")
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");

const textMap = (map: Readonly<Record<string, string | number | boolean>> | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(map ?? {}).map(([label, value]) => [label.trim(), String(value)]));

const NOTICES: ReadonlyMap<string, Notice> = new Map([
  ["auto-reply", "auto_reply"],
  ["email", "owner_mail"],
  ["sms", "owner_text"],
]);

/** vcita 4.1: clients write `auto_reply, email, sms`; a word that is none of ours is ignored. */
function noticesOf(list: string | undefined): Notice[] {
  return words(list).flatMap((word) => NOTICES.get(word.toLowerCase().replace(/[_\s]+/g, "-")) ?? []);
}
