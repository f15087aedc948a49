import type { InputIssue } from "../../core/errors.ts";
import type { FieldError } from "../../platform/http/validator.ts";
import { NOT_BLANK } from "./body.ts";

/** One wrong field; `message` names it. */
export interface Detail {
  path: string;
  message: string;
}

/** What a field's refusal says here when JSON Schema's own words would not help, by field and keyword. */
const WORDS: Readonly<Record<string, string>> = {
  "type enum": "must be prompt: this server has prompt agents only",
  "type false schema": "cannot be changed after the agent was created",
  "flow_config type": "is not taken: this server has prompt agents only",
  "flow_config false schema": "is not taken: this server has prompt agents only",
  "phone_number false schema": "cannot be changed; delete the entry and add the other number",
  "tags false schema": "cannot be sent together with tag_ids; send one of them",
  "name pattern": "must be camelCase: letters and digits, the first a lower-case letter",
  "to pattern": "must be a number in strict E.164 format, such as +972501234567",
  "from pattern": "must be a number in strict E.164 format, such as +972551234567",
  "callee pattern": "must be a number in E.164 format",
  "caller pattern": "must be a number in E.164 format",
  "idempotency-key pattern": "must be 1 to 255 visible ASCII characters",
  "webhook_url pattern": "must be an http or https URL",
};

/** A field that does not fit its schema. */
export function wordField({ path, keyword, params, message }: FieldError): Detail {
  const name = path.join(".");
  const last = String(path.at(-1) ?? "");
  const snake = snakeCase(last);
  if (keyword === "false schema" && snake !== last) return detail(name, `is not a field of this request; write it as ${snake}`);
  if (keyword === "pattern" && params.pattern === NOT_BLANK) return detail(name, "must not be blank");
  return detail(name, WORDS[`${last} ${keyword}`] ?? message);
}

/** How core's fields are called here where snake_case is not enough. */
const FIELDS: Readonly<Record<string, string>> = { phone: "phone_number", tagNames: "tags", toNumber: "to", fromNumber: "from" };

/** A rule that core found broken. */
export function wordIssue({ path: [field = "", ...rest], message }: InputIssue): Detail {
  const name = FIELDS[field] ?? snakeCase(String(field));
  const named = name === "" || message.startsWith(`${name} `) || message.startsWith(`${name}:`);
  return { path: [name, ...rest].join("."), message: named ? message : `${name}: ${message}` };
}

const detail = (path: string, message: string): Detail => ({ path, message: `${path === "" ? "The body" : path} ${message}.` });

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
