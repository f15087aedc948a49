import { assertNever, type DomainError, type InputIssue, type Resource } from "../../core/errors.ts";
import type { Answer } from "../kit/dialect.ts";
import type { Problem } from "../kit/problem.ts";
import { attribute, BAD_PHONE, sentence } from "./sentences.ts";

/** aiployees 1.3: Laravel's words. */
export function present(problem: Problem): Answer {
  switch (problem.kind) {
    case "domain":
      return presentDomain(problem.error);
    case "invalid_request":
      return invalid(problem.fields.map((field) => [fieldName(field.path), sentence(field)]));
    case "malformed_body":
      return say(400, problem.message);
    case "unsupported_media_type":
      return say(415, "Unsupported media type. Send the body as application/json.");
    case "body_too_large":
      return say(413, "The POST data is too large.");
    case "bad_url":
      return say(400, "The URL is not valid.");
    case "route_not_found":
      return say(404, `The route ${routeName(problem.path)} could not be found.`);
    case "method_not_allowed": {
      const { method, path, allowed } = problem;
      return say(405, `The ${method} method is not supported for route ${routeName(path)}. Supported methods: ${allowed.join(", ")}.`);
    }
    case "rate_limited":
      return { status: 429, body: { message: "Too Many Attempts.", retry_after: problem.retryAfterSeconds } };
    case "unavailable":
      return say(503, "Service Unavailable");
    case "internal":
      return say(500, "Server Error");
    default:
      return assertNever(problem);
  }
}

function presentDomain(error: DomainError): Answer {
  switch (error.kind) {
    case "invalid_input":
      return invalid(error.issues.map((issue) => [fieldName(wirePath(issue)), wordIssue(issue)]));
    case "unauthenticated":
      return say(401, "Unauthenticated.");
    case "forbidden":
      return say(403, error.message);
    case "not_found":
      return say(404, NOT_FOUND[error.resource] ?? "Not found");
    case "conflict":
      return error.code === "duplicate_contact"
        ? { status: 422, body: { message: DUPLICATE, errors: { phone_number: [DUPLICATE] } } }
        : say(409, error.message);
    default:
      return assertNever(error);
  }
}

/** aiployees 4.1, 5.3. */
const NOT_FOUND: Partial<Record<Resource, string>> = {
  campaign: "Campaign not found",
  contact: "Lead not found",
  agent: "Assistant not found or not an outbound assistant.",
};

/** aiployees 4.1. */
const DUPLICATE = "Lead already exists in this campaign";

/** How core's fields are called here. */
const FIELDS: Readonly<Record<string, string>> = {
  phone: "phone_number",
  secondaries: "secondary_contacts",
  timeZone: "timezone",
  windowEnd: "allowed_hours_end_time",
  days: "allowed_days",
  goalVariable: "goal_completion_variable",
  phoneNumbers: "phone_number_ids",
};

const wirePath = ({ path }: InputIssue) => path.map((part) => FIELDS[part] ?? part);
const fieldName = (path: ReadonlyArray<string | number>) => path.join(".") || "body";

/** Laravel's sentence where it has one for the rule, else core's own. */
function wordIssue(issue: InputIssue): string {
  const name = attribute(wirePath(issue));
  switch (issue.code) {
    case "invalid_phone_number":
      return BAD_PHONE;
    case "same_as_primary":
      return `The ${name} and phone number must be different.`;
    case "repeated":
      return `The ${name} field has a duplicate value.`;
    case "empty_window":
      return `The ${name} and allowed hours start time must be different.`;
    case "unknown_phone_number":
      return `The selected ${name} is invalid.`;
    default:
      return issue.message;
  }
}

const MOST_ERRORS = 100;

/** Every wrong field by name. When only phone numbers are, the message says so itself (aiployees 4.1). */
function invalid(fields: ReadonlyArray<readonly [name: string, sentence: string]>): Answer {
  const message = fields.every(([, text]) => text === BAD_PHONE) ? BAD_PHONE : "The given data was invalid.";
  const errors = Object.fromEntries(fields.slice(0, MOST_ERRORS).map(([name, text]) => [name, [text]]));
  return { status: 422, body: { message, errors } };
}

const say = (status: number, message: string): Answer => ({ status, body: { message } });

const routeName = (path: string) => path.replace(/^\/+/, "");
