import { assertNever, type DomainError, type Resource } from "../../core/errors.ts";
import { newId } from "../../platform/ids.ts";
import type { Answer } from "../kit/dialect.ts";
import type { Problem } from "../kit/problem.ts";

/** topcalls 1.4: RFC 7807, with the fields that were wrong. Only `insufficient_quota` was ever seen of the slugs. */
interface ProblemBody {
  title: string;
  status: number;
  type: string;
  detail: string;
  instance: string;
  errors?: Array<{ path: string; message: string; code: string }>;
}

type Errors = NonNullable<ProblemBody["errors"]>;

const NAME_OF_PART = { body: "body", querystring: "query", params: "path", headers: "headers" } as const;

/** How core's fields are called here. */
const FIELDS: Readonly<Record<string, string>> = { phone: "phone_number", listId: "list_id", tagNames: "tags" };

export function present(problem: Problem): Answer {
  switch (problem.kind) {
    case "domain":
      return presentDomain(problem.error);
    case "invalid_request":
      return answer(
        400,
        "validation_error",
        `Invalid request ${NAME_OF_PART[problem.part]}`,
        "One or more fields are not valid.",
        problem.fields.map(wordField),
      );
    case "malformed_body":
      return answer(400, "validation_error", "Invalid request body", problem.message);
    case "unsupported_media_type":
      return answer(415, "unsupported_media_type", "Unsupported media type", "Send the body as application/json.");
    case "body_too_large":
      return answer(413, "payload_too_large", "Payload too large", "The request body is too large.");
    case "bad_url":
      return answer(400, "validation_error", "Invalid request path", "The URL is not valid.");
    case "route_not_found":
      return answer(404, "not_found", "Not found", `There is no ${problem.method} ${problem.path}.`);
    case "method_not_allowed":
      return answer(405, "method_not_allowed", "Method not allowed", `${problem.path} takes ${problem.allowed.join(", ")}.`);
    case "rate_limited":
      return answer(429, "rate_limited", "Too many requests", `Try again in ${problem.retryAfterSeconds} seconds.`);
    case "unavailable":
      return answer(503, "unavailable", "Service unavailable", "The store cannot be reached just now. Try again.");
    case "internal":
      return answer(500, "internal_error", "Internal server error", "Something went wrong on our side.");
    default:
      return assertNever(problem);
  }
}

const RESOURCES: Partial<Record<Resource, string>> = { lead: "Lead", list: "List", call: "Call", campaign: "Campaign" };

function presentDomain(error: DomainError): Answer {
  switch (error.kind) {
    case "invalid_input": {
      const errors = error.issues.map(({ path, code, message }) => {
        const name = path.map((part, index) => (index === 0 ? (FIELDS[part] ?? part) : part)).join(".");
        return { path: name, message: code === "invalid_phone_number" ? BAD_PHONE : message, code };
      });
      return answer(400, "validation_error", "Invalid request body", errors[0]?.message ?? error.message, errors);
    }
    case "unauthenticated":
      return answer(
        401,
        "unauthorized",
        "Unauthorized",
        error.reason === "missing" ? "Send your API key as Authorization: Bearer tc_live_..." : error.message,
      );
    case "forbidden":
      return answer(403, "forbidden", "Forbidden", error.message);
    case "not_found":
      return answer(404, "not_found", "Not found", `${RESOURCES[error.resource] ?? "Resource"} not found.`);
    case "conflict":
      return answer(409, "conflict", "Conflict", error.message);
    default:
      return assertNever(error);
  }
}

/** topcalls 1.1, the API's own sample message. */
export const BAD_PHONE = "Phone number must be in E.164 format (e.g., +14155551234)";

function wordField(field: { path: Array<string | number>; keyword: string; message: string }): Errors[number] {
  const path = field.path.join(".");
  const isPhone = (path === "phone_number" || path === "phone") && field.keyword === "pattern";
  return {
    path,
    message: isPhone ? BAD_PHONE : `${path === "" ? "body" : path} ${field.message}`,
    code: isPhone ? "invalid_phone_number" : codeOf(field.keyword),
  };
}

const CODES: Readonly<Record<string, string>> = {
  required: "required",
  type: "invalid_type",
  format: "invalid_format",
  pattern: "invalid_format",
  enum: "invalid_enum_value",
  minLength: "too_small",
  minimum: "too_small",
  minItems: "too_small",
  maxLength: "too_big",
  maximum: "too_big",
  maxItems: "too_big",
};

const codeOf = (keyword: string): string => CODES[keyword] ?? "invalid";

function answer(status: number, slug: string, title: string, detail: string, errors?: Errors): Answer {
  const body: ProblemBody = {
    title,
    status,
    type: `https://api.topcalls.ai/errors/${slug}`,
    detail,
    instance: newId(),
    ...(errors ? { errors } : {}),
  };
  return { status, body, contentType: "application/problem+json; charset=utf-8" };
}
