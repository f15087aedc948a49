import type { InputIssue } from "../../core/errors.ts";
import type { FieldError } from "../../platform/http/validator.ts";

/** How core's fields are called here. */
const FIELDS: Readonly<Record<string, string>> = {
  externalId: "unique_id",
  firstName: "first_name",
  title: "request_title",
};

/** vcita 5, the words of the partner API; the platform's are not known. */
const missing = (name: string) => `Mandatory parameter ${name} is missing`;

/** One text for each thing that is wrong. */
export function wordFields(fields: readonly FieldError[]): string[] {
  const lacks = (name: string) => fields.some(({ path, keyword }) => keyword === "required" && path[0] === name);
  // Neither is mandatory by itself, so this pair says that one of the two is.
  if (!lacks("request_data") || !lacks("system_message")) return fields.map(wordField);
  return [
    ...fields.filter(({ path }) => path[0] !== "request_data" && path[0] !== "system_message").map(wordField),
    "Missing request_data and system_message parameters. At least one is required",
  ];
}

function wordField(error: FieldError): string {
  const [first, ...labels] = error.path;
  const field = `${first ?? ""}${labels.map((label) => `[${label}]`).join("")}`;
  if (error.keyword === "required") return missing(field);
  if (field === "") return "The body must be an object";
  return `Parameter ${field} ${FAULTS[`${first}${labels.length > 0 ? "[]" : ""} ${error.keyword}`] ?? error.message}`;
}

const FLAG = "must be true or false";
const LABELS = "must have labels of 1 to 200 characters";
const OBJECT = "must be an object of labels and texts";
const ENTRY = "must be text";
const NUMBER = "must be sent as text: a number of this size is not exact";

/** Where the validator's own words would not help. */
const FAULTS: Readonly<Record<string, string>> = {
  "opt_in type": FLAG,
  "opt_in enum": FLAG,
  "opt_in_transactional_sms type": FLAG,
  "opt_in_transactional_sms enum": FLAG,
  "tags pattern": "must be at most 100 comma-separated labels of at most 200 characters",
  "request_data type": OBJECT,
  "request_data pattern": LABELS,
  "request_data maxLength": LABELS,
  "request_data[] type": ENTRY,
  "request_data[] minimum": NUMBER,
  "request_data[] maximum": NUMBER,
  "message_data type": OBJECT,
  "message_data pattern": LABELS,
  "message_data maxLength": LABELS,
  "message_data[] type": ENTRY,
  "message_data[] minimum": NUMBER,
  "message_data[] maximum": NUMBER,
};

export function wordIssue({ path, code, message }: InputIssue): string {
  const field = path.map((part, index) => (index === 0 ? (FIELDS[part] ?? part) : part)).join(".");
  return code === "required" ? missing(field) : message;
}
