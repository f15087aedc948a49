import {
  assertNever,
  type ConflictCode,
  type DomainError,
  type InputIssue,
  type Resource,
  type Unauthenticated,
} from "../../core/errors.ts";
import type { FieldError } from "../../platform/http/validator.ts";
import type { Answer } from "../kit/dialect.ts";
import type { Problem } from "../kit/problem.ts";
import { scopeName } from "./scopes.ts";
import { type Detail, wordField, wordIssue } from "./words.ts";

/** yappr 1.2; `details` is ours: each wrong field, where `error` names them all in one text. */
interface ErrorBody {
  error: string;
  code: string;
  details?: Detail[];
  [extra: string]: unknown;
}

export function present(problem: Problem): Answer {
  switch (problem.kind) {
    case "domain":
      return presentDomain(problem.error);
    case "invalid_request":
      // An id that can be no id names nothing (yappr 13).
      if (problem.part === "params") return answer(404, "RESOURCE_ID_INVALID", "The id in the path must be a UUID.");
      return badRequest(codeOf(problem.fields.map(codeOfField)), problem.fields.map(wordField));
    case "malformed_body":
      return answer(400, "BAD_REQUEST", problem.message);
    case "unsupported_media_type":
      return answer(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body as application/json.");
    case "body_too_large":
      return answer(413, "REQUEST_BODY_TOO_LARGE", "The request body is too large.");
    case "bad_url":
      return answer(400, "BAD_REQUEST", "The URL is not valid.");
    case "route_not_found":
      return answer(404, "ROUTE_NOT_FOUND", `There is no ${problem.method} ${problem.path}. GET / lists the endpoints.`);
    case "method_not_allowed":
      return answer(405, "METHOD_NOT_ALLOWED", `${problem.path} takes ${problem.allowed.join(", ")}.`);
    case "rate_limited":
      return answer(429, "RATE_LIMIT", `Too many requests. Try again in ${problem.retryAfterSeconds} seconds.`);
    case "unavailable":
      return answer(503, "SERVICE_UNAVAILABLE", "The store cannot be reached just now. Try again.");
    case "internal":
      return answer(500, "INTERNAL_ERROR", "Something went wrong on our side.");
    default:
      return assertNever(problem);
  }
}

/** yappr 1.3: 401 also for a missing scope (section 14). */
function presentDomain(error: DomainError): Answer {
  switch (error.kind) {
    case "invalid_input":
      return badRequest(codeOf(error.issues), error.issues.map(wordIssue));
    case "unauthenticated":
      return presentUnauthenticated(error.reason);
    case "forbidden":
      if (error.reason === "scope") return unauthorized("INSUFFICIENT_SCOPE", `The API key lacks the scope ${scopeName(error.scope)}.`);
      return answer(403, "FORBIDDEN", error.message);
    case "not_found":
      return answer(404, "NOT_FOUND", `${RESOURCES[error.resource] ?? "Resource"} not found.`);
    case "conflict":
      return presentConflict(error.code, error.message, error.existingId);
    default:
      return assertNever(error);
  }
}

function presentUnauthenticated(reason: Unauthenticated["reason"]): Answer {
  switch (reason) {
    case "missing":
      return unauthorized("MISSING_KEY", "Send your API key as Authorization: Bearer ypr_live_...");
    case "expired":
      return unauthorized("EXPIRED_KEY", "The API key has expired.");
    case "malformed":
    case "unknown":
    case "revoked":
      return unauthorized("INVALID_KEY", "The API key is not valid.");
    default:
      return assertNever(reason);
  }
}

const RESOURCES: Partial<Record<Resource, string>> = {
  lead: "Lead",
  agent: "Agent",
  call: "Call",
  phone_number: "Phone number",
  dnc_entry: "Do-Not-Call entry",
  campaign: "Campaign",
};

/** Issues that have a machine code of their own (yappr 1.3); the first one speaks for the request. */
const CODES: Readonly<Record<string, string>> = {
  invalid_to_number: "INVALID_TO_NUMBER",
  invalid_from_number: "INVALID_FROM_NUMBER",
  self_call: "SELF_CALL_NOT_ALLOWED",
  metadata_reserved_key: "INVALID_METADATA_RESERVED_KEY",
};

const codeOf = (issues: ReadonlyArray<Pick<InputIssue, "code">>): string =>
  issues.map(({ code }) => CODES[code]).find((code) => code !== undefined) ?? "BAD_REQUEST";

/** A number of a call that is text but no number is an issue of its own; any other field that does not fit is not. */
const codeOfField = ({ path: [field], keyword }: FieldError) => ({
  code: keyword === "pattern" && (field === "to" || field === "from") ? `invalid_${field}_number` : keyword,
});

function presentConflict(code: ConflictCode, message: string, existingId: string | undefined): Answer {
  switch (code) {
    case "lead_exists":
      return answer(409, "LEAD_EXISTS", message, { lead_id: existingId });
    case "idempotency_key_reused":
      return answer(409, "IDEMPOTENCY_KEY_CONFLICT", "This Idempotency-Key was used for a different request.");
    case "idempotency_in_progress":
      return {
        ...answer(409, "IDEMPOTENCY_REQUEST_IN_PROGRESS", "The first request with this Idempotency-Key is still running."),
        headers: { "retry-after": "1" },
      };
    case "name_taken":
    case "number_taken":
    case "in_use":
    case "duplicate_contact":
      return answer(409, "CONFLICT", message);
    default:
      return assertNever(code);
  }
}

const unauthorized = (code: string, message: string): Answer => ({
  ...answer(401, code, message),
  headers: { "www-authenticate": "Bearer" },
});

const badRequest = (code: string, details: Detail[]): Answer =>
  answer(400, code, details.map(({ message }) => message).join(" "), { details });

function answer(status: number, code: string, error: string, extra: Record<string, unknown> = {}): Answer {
  const body: ErrorBody = { error, code, ...extra };
  return { status, body };
}
