import type { ErrorObject } from "ajv";
import type { FastifyError, FastifyRequest } from "fastify";
import { type DomainError, isDomainError } from "../../core/errors.ts";
import { type FieldError, fieldErrors } from "../../platform/http/validator.ts";
import { isUnavailable } from "../../platform/unavailable.ts";

/** Everything that can go wrong with a request. A dialect words each in its own envelope, in one total function. */
export type Problem =
  | { kind: "domain"; error: DomainError }
  | { kind: "invalid_request"; part: "body" | "querystring" | "params" | "headers"; fields: FieldError[] }
  | { kind: "malformed_body"; message: string }
  | { kind: "unsupported_media_type"; contentType: string | undefined }
  | { kind: "body_too_large" }
  | { kind: "bad_url" }
  | { kind: "route_not_found"; method: string; path: string }
  | { kind: "method_not_allowed"; method: string; path: string; allowed: string[] }
  | { kind: "rate_limited"; retryAfterSeconds: number }
  | { kind: "unavailable" }
  | { kind: "internal" };

/** Thrown by the kit for a problem that is no domain error. */
export class ProblemError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.kind);
    this.problem = problem;
  }
}

export function toProblem(error: unknown, request: FastifyRequest): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (isDomainError(error)) return { kind: "domain", error };
  const { validation, validationContext, code, statusCode, message } = error as FastifyError;
  if (validation) {
    const part = (validationContext ?? "body") as "body" | "querystring" | "params" | "headers";
    const root = { body: request.body, querystring: request.query, params: request.params, headers: request.headers }[part];
    return { kind: "invalid_request", part, fields: fieldErrors(validation as unknown as ErrorObject[], root) };
  }
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") return { kind: "unsupported_media_type", contentType: request.headers["content-type"] };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return { kind: "body_too_large" };
  if (code === "FST_ERR_BAD_URL" || code === "FST_ERR_ASYNC_CONSTRAINT") return { kind: "bad_url" };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return { kind: "malformed_body", message };
  return isUnavailable(error) ? { kind: "unavailable" } : { kind: "internal" };
}
